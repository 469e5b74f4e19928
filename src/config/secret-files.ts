/** Secrets that are read from files, as with Docker's secrets: NAME_FILE names the file that contains the value of NAME. */
import type { SettingName } from './settings.ts'
import type { Texts } from './sources.ts'

interface SecretFile {
  readonly setting: SettingName
  readonly file: SettingName
  /** Whether each line of the file is one value of a list. */
  readonly isList: boolean
}

export const SECRET_FILES: readonly SecretFile[] = [
  { setting: 'API_KEY', file: 'API_KEY_FILE', isList: true },
  { setting: 'GLUETUN_API_KEY', file: 'GLUETUN_API_KEY_FILE', isList: false },
  { setting: 'GLUETUN_API_PASSWORD', file: 'GLUETUN_API_PASSWORD_FILE', isList: false },
]

/** The content of a file, or the remedy if it cannot be read. */
export type FileText = { readonly text: string } | { readonly remedy: string }

/** The contents of the files that settings name, by path. */
export type FileTexts = ReadonlyMap<string, FileText>

/** A secret in a file that a setting names; `content` is its value in the notation of the setting itself. */
export interface FoundSecret {
  readonly setting: SettingName
  readonly file: SettingName
  readonly path: string
  readonly content: FileText
}

/**
 * Finds the secrets in files, with a remedy for each that cannot be used. `set` has the texts of the settings that were set.
 * `expected` returns what a text has to be, in words, or null if the text is acceptable.
 */
export function secretsIn(
  set: Texts,
  files: FileTexts,
  expected: (setting: SettingName, text: string) => string | null,
): readonly FoundSecret[] {
  return SECRET_FILES.flatMap((secret) => {
    const { setting, file } = secret
    const path = set.get(file)
    if (path === undefined) return []
    const content = set.has(setting)
      ? { remedy: `Set ${setting} or ${file}, not both` }
      : contentOf(secret, files.get(path))
    const wanted = 'text' in content ? expected(setting, content.text) : null
    return [
      {
        setting,
        file,
        path,
        content: wanted === null ? content : { remedy: `Change its content to ${wanted}` },
      },
    ]
  })
}

/** The value in a file. Newlines at the end belong to the file and not to the value. */
function contentOf({ setting, isList }: SecretFile, content: FileText | undefined): FileText {
  if (content === undefined) return { remedy: 'Name a file that can be read' }
  if ('remedy' in content) return content
  const text = content.text.replace(/[\r\n]+$/, '')
  if (text.trim() === '') return { remedy: `Write the value of ${setting} into the file: it is empty` }
  return { text: isList ? text.replaceAll(/\r?\n/g, ',') : text }
}
