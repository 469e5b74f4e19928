import { createHash } from 'node:crypto'
import init from '../../drizzle/0000_init.sql' with { type: 'text' }
import lifecycle from '../../drizzle/0001_lifecycle.sql' with { type: 'text' }
import vpn from '../../drizzle/0002_vpn.sql' with { type: 'text' }
import streams from '../../drizzle/0003_streams.sql' with { type: 'text' }
import images from '../../drizzle/0004_images.sql' with { type: 'text' }
import ahead from '../../drizzle/0005_ahead.sql' with { type: 'text' }
import hosts from '../../drizzle/0006_hosts.sql' with { type: 'text' }
import journal from '../../drizzle/meta/_journal.json' with { type: 'json' }

/** The generated files of `drizzle/`, embedded as text because a compiled binary has no folder to read them from. */
const FILES: Readonly<Record<string, string>> = {
  '0000_init': init,
  '0001_lifecycle': lifecycle,
  '0002_vpn': vpn,
  '0003_streams': streams,
  '0004_images': images,
  '0005_ahead': ahead,
  '0006_hosts': hosts,
}

/** The input of drizzle's dialect: the statements of one file, and what drizzle stores about it when it is applied. */
export interface Migration {
  /** Its name, such as `0001_lifecycle`. */
  readonly tag: string
  readonly sql: string[]
  readonly bps: boolean
  readonly folderMillis: number
  readonly hash: string
}

/** All migrations in order. Throws if the journal names a file that is not embedded, which is a mistake of the build. */
export function embeddedMigrations(): Migration[] {
  return journal.entries.map((entry) => {
    const text = FILES[entry.tag]
    if (text === undefined)
      throw new Error(`migration ${entry.tag} is not embedded: add it to store/migrations.ts`)
    return {
      tag: entry.tag,
      sql: text.split('--> statement-breakpoint'),
      bps: entry.breakpoints,
      folderMillis: entry.when,
      hash: createHash('sha256').update(text).digest('hex'),
    }
  })
}

/** The version of the schema: the name of its last migration. */
export const schemaVersion = (): string => embeddedMigrations().at(-1)?.tag ?? 'none'
