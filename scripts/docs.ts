/**
 * Writes the generated parts of the documents: `bun run docs`, after each change of a setting or a route. The text outside a
 * document's marks is written by hand.
 */
import { join } from 'node:path'
import { ROOT } from './bundle.ts'
import { apiPart } from './docs-api.ts'
import { enginesPart } from './docs-engines.ts'
import { migrationPart } from './docs-migration.ts'
import { settingsPart } from './docs-settings.ts'
import { withGenerated } from './docs-text.ts'

const PARTS: Readonly<Record<string, () => Promise<string> | string>> = {
  'docs/SETTINGS.md': settingsPart,
  'docs/API.md': apiPart,
  'docs/ENGINES.md': enginesPart,
  'docs/MIGRATION.md': migrationPart,
}

/** The documents with a generated part, by their paths from the project's folder. */
export const GENERATED: readonly string[] = Object.keys(PARTS)

/**
 * Makes the current text of a document: its hand-written parts and the newly generated part. Throws if the document has
 * none.
 */
export async function generatedText(path: string): Promise<string> {
  const part = PARTS[path]
  if (part === undefined) throw new Error(`${path} is not generated`)
  return withGenerated(await Bun.file(join(ROOT, path)).text(), await part())
}

if (import.meta.main) {
  for (const path of GENERATED) await Bun.write(join(ROOT, path), await generatedText(path))
}
