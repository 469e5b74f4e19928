import type { CommandResult } from '../../runtime/runtime.ts'

/*
 * Empties a folder in a container, with POSIX commands that busybox and GNU both have. The folder itself stays, since it may
 * be a volume and has its owner. `rm` gets some hundreds of names at a time, since the length of a command is limited. A
 * pattern that matches nothing stays as it is, and `rm -f` ignores it. Files that vanish while they are measured do not
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

/**
 * The command that prints the size of a folder in KiB and empties the folder. The path is an argument, never part of the
 * script.
 */
export const emptyFolder = (path: string): readonly string[] => ['sh', '-c', EMPTY_FOLDER, 'sh', path]

/** The outcome of the command: the bytes that were found, or a text that says why it failed. */
export function foundBytes({ exitCode, output }: CommandResult): number | string {
  const line = output.split('\n').find((each) => each.trim() !== '') ?? ''
  if (exitCode === 0 && /^\d+$/.test(line)) return Number(line) * 1024
  // If only a later step failed, the first line is the size, and the error message follows it.
  const words = output
    .replace(/^\d+\n/, '')
    .replace(/\s+/g, ' ')
    .trim()
    .slice(0, 300)
  const hint = exitCode === 126 || exitCode === 127 ? ' (its image needs sh, du and rm)' : ''
  return `the command ended with ${exitCode}${words === '' ? '' : `: ${words}`}${hint}`
}
