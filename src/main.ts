#!/usr/bin/env bun
import './small-memory.ts'

import { hostname, networkInterfaces } from 'node:os'
import { resolve } from 'node:path'
import notices from '../NOTICES.md' with { type: 'file' }
import packageJson from '../package.json' with { type: 'json' }
import { addressesOf } from './cli/addresses.ts'
import { type CliOutcome, readSecretFile, runCli } from './cli/cli.ts'
import { boundCodeMemory } from './code-memory.ts'
import type { Config } from './config/config.ts'
import { secretsOf } from './config/secrets.ts'
import type { Checkpoint } from './control/provisioning/launcher.ts'
import { logStart } from './control/reporting/start-summary.ts'
import { type StartBasics, type StartFindings, startBlock } from './core/reporting/start-report.ts'
import { maskOf, sentenceMask } from './core/secrets.ts'
import { SILENCE_MAX_S } from './http/callers.ts'
import { systemClock } from './lib/clock.ts'
import { ownDescriptors } from './lib/descriptors.ts'
import type { Log } from './lib/log.ts'
import { Listener, type Listening } from './listener.ts'
import { createLog, type LogForm } from './logging.ts'
import { panelFiles } from './panel-files.ts'
import { storageFailureOf } from './store/failure.ts'
import { DatabaseInUse, type DatabaseLock, lockDatabase } from './store/lock.ts'
import { tighten } from './store/private-files.ts'
import type { SchemaChange } from './store/schema-change.ts'
import { openStore, type Store } from './store/store.ts'
import { runCommand } from './wire/commands/run-command.ts'
import { fileSystemOf } from './wire/doctor/database-facts.ts'
import { ownSurroundings, realSurroundings } from './wire/doctor/surroundings.ts'
import { runtimeOf } from './wire/runtime.ts'
import { vpnWorkerSettingsOf } from './wire/settings.ts'
import { createOrchestrator, type Orchestrator } from './wire/wire.ts'
import { HealthHost } from './workers/health/health-host.ts'
import { stopSession } from './workers/health/session-stop.ts'
import { VpnHost } from './workers/vpn/vpn-host.ts'

/** How long an answer may still take after the process was asked to end. The process ends within twice that time. */
const GOODBYE_MS = 900
const MARGIN_MS = 100

/**
 * How long to wait for an earlier process to release the database or the port: an update may start the new process before
 * the old one has ended.
 */
const PREDECESSOR_MS = 3_000
const PORT_RETRY_MS = 50

/** The remedy for a database that another process uses. */
const UNUSED = 'end that process first, or give this one a DB_URL and a CONTAINER_LABEL of its own'

/** The remedy for a port that another process uses. */
const FREE_PORT = 'end the process that listens there, or choose another port or BIND address'

/** How long a connection may be silent. */
const IDLE_S = 60

/** Why a lock file that is no database may be removed: this program did not write it. */
const NOTHING_IN_IT = 'it holds nothing that is needed'

/** The surroundings of a process about whose container nobody asks. */
const NOWHERE = { container: null, gateway: () => null }

/** A worker's garbage is collected when there is little of it: it answers nobody, so nothing waits for that. */
const SMALL_HEAP = { smol: true }

/** How long an engine may take to stop a session. */
const STOP_SESSION_MS = 3_000

const outcome = runCli(process.env, process.argv.slice(2), readSecretFile)
if (outcome.kind === 'exit') {
  process.stdout.write(outcome.stdout)
  process.stderr.write(outcome.stderr)
  process.exit(outcome.code)
} else if (outcome.kind === 'licenses') {
  await Bun.write(Bun.stdout, Bun.file(notices))
  process.exit(0)
} else if (outcome.kind === 'run') {
  run(outcome)
} else {
  const told = await runCommand(outcome, packageJson.version)
  await Promise.all([Bun.write(Bun.stdout, told.stdout), Bun.write(Bun.stderr, told.stderr)])
  process.exit(told.code)
}

function run({ config, warnings, notes }: Extract<CliOutcome, { kind: 'run' }>): void {
  const secrets = secretsOf(config)
  const form = formOf(config)
  const log = createLog({ level: config.LOG_LEVEL, form, mask: sentenceMask(secrets) })
  for (const warning of warnings) log.warn({}, `a setting: ${warning}`)
  const { path } = config.DB_URL
  tightenFiles(path, log)
  const lock = lockOf(path)
  const store = open(path, log)
  const around = realSurroundings()
  const workers = workersOf(config, log)
  const orchestrator = createOrchestrator(config, {
    ...workers,
    store,
    database: { path, fileSystem: fileSystemOf(path, around) },
    runtime: runtimeOf(config, maskOf(secrets)),
    stopSession: (addresses, path) => stopSession(addresses, path, STOP_SESSION_MS),
    clock: systemClock,
    // The networks of one Docker Engine say nothing about those of a swarm.
    self: config.ENGINE_RUNTIME === 'swarm' ? NOWHERE : ownSurroundings(around),
    wall: Date.now,
    descriptors: ownDescriptors(),
    connections: { closeIdle: () => listener.closeIdle(), closeAll: () => listener.closeAll() },
    log,
    newId: () => crypto.randomUUID(),
    random: Math.random,
    checkpoint: failPoint(process.env),
    version: packageJson.version,
    panel: panelFiles,
    onReady: (findings) =>
      showStart(log, form, basicsOf(config), {
        ...findings,
        advice: [...warnings, ...notes, ...findings.advice],
      }),
  })
  const listener = new Listener(orchestrator.app, listeningOf(config), log)
  orchestrator.metrics.addProcess(() => ({ health: workers.health.restarts(), vpn: workers.vpn.restarts() }))
  listen(listener, config, log)
  orchestrator.start()
  boundCodeMemory(systemClock, (error) =>
    log.error({ err: error }, 'a look at whether the process rests failed'),
  )
  log.info({ port: config.APP_PORT, bind: config.BIND, version: packageJson.version }, 'listening')
  for (const note of notes) log.info({}, note)
  const endAll = (code: number): Promise<void> => end({ orchestrator, store, lock }, code)
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      log.info({ signal }, 'ending; engines keep running')
      void endAll(0)
    })
  }
  endOnDefects(log, () => endAll(1))
}

function formOf({ LOG_FORMAT: form }: Config): LogForm {
  if (form !== 'auto') return form
  return process.stdout.isTTY ? 'text' : 'json'
}

/** The path of the page for people. */
const PANEL = '/panel'

function basicsOf(config: Config): StartBasics {
  const addresses = addressesOf(config, networkInterfaces())
  return {
    ...{ version: packageJson.version, addresses, panel: `${addresses[0]}${PANEL}` },
    ...{ database: resolve(config.DB_URL.path), isKeyed: config.API_KEY.length > 0 },
  }
}

/** Shows what a start has found: to a person at a terminal as a block, otherwise as one entry of the log. */
function showStart(
  log: ReturnType<typeof createLog>,
  form: LogForm,
  basics: StartBasics,
  findings: StartFindings,
): void {
  if (form === 'json') logStart(log, findings, basics)
  else if (log.isLevelEnabled('info')) process.stdout.write(startBlock(findings, basics))
}

/**
 * Makes the hosts of the two worker threads. A compiled binary finds a worker's file relative to the main module, so the
 * files are named here.
 */
function workersOf(config: Config, log: Log) {
  const telling = {
    now: systemClock.now,
    onTrouble: (why: string, restartInMs: number) =>
      log.warn({ restart_in_ms: restartInMs }, `a worker is started again: ${why}`),
    onBack: (what: string, awayMs: number) => log.info({ away_ms: awayMs }, what),
    onDropped: (what: string) => log.error({}, `a message between threads was lost: ${what}`),
  }
  const health = new HealthHost({
    spawn: () => new Worker(new URL('./workers/health/health.worker.ts', import.meta.url), SMALL_HEAP),
    pace: {
      intervalMs: config.HEALTH_CHECK_INTERVAL_S * 1_000,
      timeoutMs: Math.min(5_000, config.HEALTH_CHECK_INTERVAL_S * 1_000),
      bootIntervalMs: 200,
      sessionIntervalMs: config.COLLECT_INTERVAL_S * 1_000,
    },
    ...telling,
  })
  const vpn = new VpnHost({
    spawn: () => new Worker(new URL('./workers/vpn/vpn.worker.ts', import.meta.url), SMALL_HEAP),
    settings: vpnWorkerSettingsOf(config),
    ...telling,
  })
  crashOnSignal({ health_worker: health, vpn_worker: vpn, main_thread: { crash: fail } })
  return { health, vpn }
}

/**
 * Ends the process after an unforeseen error. Such an error leaves an unknown state, so it is logged once, with its stack,
 * and the process exits; its supervisor then starts a new process, which inspects everything.
 */
function endOnDefects(log: Log, endAll: () => Promise<void>): void {
  let isEnding = false
  const onDefect = (error: unknown): void => {
    if (isEnding) return
    isEnding = true
    log.error({ err: error }, 'a defect: the process ends with 1, to be started again; engines keep running')
    endAll().catch(() => process.exit(1))
  }
  process.on('uncaughtException', onDefect)
  process.on('unhandledRejection', onDefect)
}

interface Ending {
  readonly orchestrator: Orchestrator
  readonly store: Store
  readonly lock: DatabaseLock
}

/** Lets answers under way finish for a moment, then ends the process. The next start settles what was cut off. */
async function end({ orchestrator, store, lock }: Ending, code: number): Promise<void> {
  const patience = setTimeout(() => process.exit(code), 2 * GOODBYE_MS - MARGIN_MS)
  const { server } = orchestrator.app
  orchestrator.hangUp()
  await Promise.race([server?.stop(), systemClock.sleep(GOODBYE_MS)])
  await Promise.all([server?.stop(true), orchestrator.stop()])
  clearTimeout(patience)
  store.close()
  lock.release()
  process.exit(code)
}

/** Restricts the files of the database to this user: an earlier version left them open to others, as its umask allowed. */
function tightenFiles(path: string, log: Log): void {
  const { closed, open } = tighten(path)
  if (closed.length > 0) log.info({ files: closed }, 'the files of the database are for this user alone now')
  if (open.length > 0)
    log.warn({ files: open }, 'others may use the files of the database, and this user can not change that')
}

function lockOf(path: string): DatabaseLock {
  const owner = { host: hostname(), pid: process.pid, startedAtMs: systemClock.now() }
  try {
    return lockDatabase(path, owner, PREDECESSOR_MS)
  } catch (error) {
    if (error instanceof DatabaseInUse) giveUp('DB_URL', path, error, UNUSED)
    const isLockBroken = storageFailureOf(error)?.kind === 'damaged'
    giveUp('DB_URL', path, error, isLockBroken ? `remove ${path}.lock: ${NOTHING_IN_IT}` : remedyOf(error))
  }
}

/** The remedy for a database that cannot be opened. */
function remedyOf(error: unknown): string {
  return storageFailureOf(error)?.remedy ?? 'name a file in a folder that this user may write to'
}

function open(path: string, log: Log): Store {
  try {
    return openStore(path, {
      onError: (error) => log.error({ err: error }, 'a listener failed'),
      onSchemaChange: (change) => tellSchemaChange(change, log),
    })
  } catch (error) {
    giveUp('DB_URL', path, error, remedyOf(error))
  }
}

/** Says that there is no simple way back, and where the copy is for one. */
function tellSchemaChange({ from, to, copy }: SchemaChange, log: Log): void {
  const what = `the database was changed for this version (schema ${from} to ${to})`
  if ('path' in copy) {
    log.info(
      { copy: copy.path },
      `${what}; to go back to an earlier version, put the copy of it in its place: ${copy.path}`,
    )
  } else log.warn({ err: copy.error }, `${what}, and no copy could be made for a way back`)
}

/**
 * Starts to listen. An earlier process may still have the port, as in an update, so this waits for it, as for the database,
 * and blocks the thread.
 */
function listen(listener: Listener, { BIND, APP_PORT }: Config, log: Log): void {
  const untilMs = performance.now() + PREDECESSOR_MS
  for (let attempt = 1; ; attempt++) {
    try {
      listener.listen()
      return
    } catch (error) {
      if (!isTaken(error) || performance.now() >= untilMs)
        giveUp('APP_PORT', `${BIND}:${APP_PORT}`, error, FREE_PORT)
      if (attempt === 1)
        log.info({ port: APP_PORT, bind: BIND }, 'another process has the port; waiting for its end')
      Bun.sleepSync(PORT_RETRY_MS)
    }
  }
}

function isTaken(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EADDRINUSE'
}

function listeningOf(config: Config): Listening {
  return {
    hostname: config.BIND,
    port: config.APP_PORT,
    // Bun closes connections that are silent for this time, even while an answer is being prepared, and a provision may be
    // configured to take long.
    idleTimeout: Math.min(SILENCE_MAX_S, IDLE_S + Math.ceil(config.PROVISION_DEADLINE_MS / 1_000)),
  }
}

/**
 * Ends a start that is not possible: writes the setting, its value, the system's message and the remedy, without a stack.
 */
function giveUp(variable: string, value: string, error: unknown, remedy: string): never {
  const why = error instanceof Error ? error.message : String(error)
  process.stderr.write(`roundhouse can't start\n\n  ${variable}=${value}\n    ${why}. Remedy: ${remedy}.\n`)
  process.exit(2)
}

/**
 * For crash tests: if FAIL_POINT names a thread, SIGUSR2 makes that thread crash. If it is not set, the signal is not
 * handled.
 */
function crashOnSignal(threads: Readonly<Record<string, { crash(): void }>>): void {
  const thread = threads[process.env.FAIL_POINT ?? '']
  if (thread !== undefined) process.on('SIGUSR2', () => thread.crash())
}

function fail(): never {
  throw new Error('crashed as it was told to')
}

/** For crash tests: FAIL_POINT names the point at which the process kills itself. If it is not set, nothing happens. */
function failPoint(env: Readonly<Record<string, string | undefined>>): Checkpoint {
  const wanted = env.FAIL_POINT
  if (wanted === undefined) return () => undefined
  return (name) => {
    if (name === wanted) process.kill(process.pid, 'SIGKILL')
  }
}
