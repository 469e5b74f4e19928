import type { CommandResult } from '../../runtime/runtime.ts'

/*
 * What empties a folder in a container: POSIX, for busybox as for GNU. The folder itself stays, since it may be a volume
 * and has its owner. Names go to `rm` some hundreds at a time, since a command takes a bounded length; one that matches
 * nothing stands for itself, and `rm -f` takes no offence. What cannot be measured (files that go meanwhile) does not
 * matter.
 */
const EMPTY_FOLDER = `
[ -e "$1" ] || { echo 0; exit 0; }
cd "$1" || exit
size=$(du -sk . 2>/dev/null)
size=\${size%%[!0-9]*}
[ "$size" ] || { echo "du tells no size of $1"; exit 1; }
echo "$size"
set --
for entry in ./* ./.[!.]* ./..?*; do
  set -- "$@" "$entry"
  [ $# -lt 400 ] || { rm -rf "$@" || exit; set --; }
done
rm -rf "$@"
`

/** The command that prints how many KiB are in a folder and empties it. The path is an argument, never part of the script. */
export const emptyFolder = (path: string): readonly string[] => ['sh', '-c', EMPTY_FOLDER, 'sh', path]

/** What became of it: the bytes that were found, or why it failed, in words. */
export function foundBytes({ exitCode, output }: CommandResult): number | string {
  const line = output.split('\n').find((each) => each.trim() !== '') ?? ''
  if (exitCode === 0 && /^\d+$/.test(line)) return Number(line) * 1024
  // Where all went well but for the end, the first line is the size, and the words come behind it.
  const words = output
    .replace(/^\d+\n/, '')
    .replace(/\s+/g, ' ')
    .trim()
    .slice(0, 300)
  const hint = exitCode === 126 || exitCode === 127 ? ' (its image needs sh, du and rm)' : ''
  return `the command ended with ${exitCode}${words === '' ? '' : `: ${words}`}${hint}`
}
