import { existsSync } from 'node:fs'
import { columns } from '../../cli/texts.ts'
import { type Sorted, sortByInstallation } from '../../control/containers/installation-containers.ts'
import type { Label } from '../../core/engines/labels.ts'
import type { ContainerObservation, Runtime } from '../../runtime/runtime.ts'
import { DatabaseInUse, type DatabaseLock, lockDatabase, lockHolder, type Owner } from '../../store/lock.ts'
import { type OwnRows, openReadOnly, ownRows, schemaState } from '../../store/read-only.ts'
import { done, failed, type Told } from './outcome.ts'

export interface RemovalDeps {
  readonly runtime: Pick<Runtime, 'list' | 'destroy'>
  readonly databasePath: string
  readonly label: Label
  /** Describes this process in the lock. */
  readonly owner: Owner
}

/** How many containers are removed at a time. */
const AT_ONCE = 4

/**
 * Lists the containers of this installation, and removes them if that is confirmed. The lock is held meanwhile, so that no server
 * starts engines again.
 */
export async function removeEngines(deps: RemovalDeps, isConfirmed: boolean): Promise<Told> {
  let lock: DatabaseLock | null = null
  try {
    const isThere = existsSync(deps.databasePath)
    if (isConfirmed && isThere) lock = lockDatabase(deps.databasePath, deps.owner, 0)
    const rows = isThere ? rowsIn(deps.databasePath) : null
    const sorted = sortByInstallation(await deps.runtime.list(), rows)
    const told = `${isThere ? '' : withoutDatabase(deps)}${listText(sorted, rows)}${othersText(sorted, deps.label)}`
    if (sorted.ours.length === 0) return done(told)
    return isConfirmed ? await removeAll(deps, sorted.ours, told) : done(`${told}${adviceFor(deps)}`)
  } catch (error) {
    if (error instanceof DatabaseInUse)
      return failed(
        `nothing was removed: ${error.message}, which would start engines again`,
        'stop that server first, or remove engines by its API: DELETE /containers/{id}',
      )
    return failed(
      `nothing was removed: ${error instanceof Error ? error.message.replace(/\.$/, '') : String(error)}`,
      'check DOCKER_HOST and DB_URL; roundhouse doctor says more',
    )
  } finally {
    lock?.release()
  }
}

function rowsIn(path: string): OwnRows | null {
  const client = openReadOnly(path)
  try {
    return schemaState(client) === 'none' ? null : ownRows(client)
  } finally {
    client.close()
  }
}

async function removeAll(
  { runtime }: RemovalDeps,
  containers: readonly ContainerObservation[],
  told: string,
): Promise<Told> {
  const left = [...containers]
  const failures: string[] = []
  const remove = async (): Promise<void> => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) {
      const { id, name } = next
      await runtime.destroy(id).catch((error: unknown) => {
        failures.push(`${name} is left: ${error instanceof Error ? error.message : String(error)}`)
      })
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, remove))
  const stdout = `${told}Removed ${counted(containers.length - failures.length)}.\n`
  const stderr = failures.map((failure) => `${failure}\n`).join('')
  return { code: failures.length === 0 ? 0 : 1, stdout, stderr }
}

const withoutDatabase = ({ databasePath }: RemovalDeps): string =>
  `There is no database at ${databasePath}, so only engines without the id of an installation are taken for ours.\n`

function listText({ ours }: Sorted, rows: OwnRows | null): string {
  if (ours.length === 0) return 'There are no containers of this installation.\n'
  const lines = ours.map(({ name, id, state }) => [
    name,
    id.slice(0, 12),
    state,
    String(rows?.streams.get(id) ?? '-'),
  ])
  return `${counted(ours.length)} of this installation:\n${columns([['NAME', 'ID', 'STATE', 'STREAMS'], ...lines])}`
}

function othersText({ others }: Sorted, { key, value }: Label): string {
  if (others.length === 0) return ''
  const names = columns(others.map(({ name, id, state }) => [name, id.slice(0, 12), state]))
  return (
    `${counted(others.length)} with the label ${key}=${value}, but of another installation or no engine, left alone ` +
    `(if nobody needs them: docker rm -f):\n${names}`
  )
}

function adviceFor({ databasePath }: RemovalDeps): string {
  const holder = lockHolder(databasePath)
  return holder === 'free' || holder === null
    ? 'Nothing was removed. This removes them, and ends their streams: roundhouse remove-engines --yes\n'
    : 'Nothing was removed. The server runs: stop it before roundhouse remove-engines --yes.\n'
}

const counted = (n: number): string => (n === 1 ? '1 container' : `${n} containers`)
