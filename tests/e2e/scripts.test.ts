import { afterAll, afterEach, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import packageJson from '../../package.json' with { type: 'json' }
import { connectTestDocker, holdHostPort, type TestDocker, until } from '../support/docker.ts'
import { buildEngineImage } from '../support/engine-image.ts'
import { freePort, freePortRange, rangeSetting } from '../support/ports.ts'
import { ProjectCopy } from '../support/project-copy.ts'

/* The shell scripts, run as users run them, in a copy of the project with a port and a label of its own. */

setDefaultTimeout(60_000)

const KEY = 'a-key-of-the-test-of-the-scripts'
const STREAM = 'dd1e67078381739d14beca697356ab76d49d1a2d'

let docker: TestDocker
let image: string
let project: ProjectCopy
let port: number

beforeAll(async () => {
  docker = await connectTestDocker()
  image = await buildEngineImage()
})
afterEach(async () => {
  await project.dispose()
  await docker.cleanUp()
})
afterAll(() => docker.cleanUp())

/** Makes a copy of the project whose `.env` has these settings besides what a test needs. */
function copied(settings: Readonly<Record<string, string>> = {}): void {
  port = freePort()
  project = new ProjectCopy({
    ...{ APP_PORT: String(port), BIND: '127.0.0.1', PORT_RANGE_HOST: rangeSetting(freePortRange(10)) },
    ...{ TARGET_IMAGE: image, ENGINE_RECIPE: 'variables' },
    CONTAINER_LABEL: `${docker.label.key}=${docker.label.value}`,
    ...settings,
  })
}

async function up(args: readonly string[] = [], env: Readonly<Record<string, string>> = {}): Promise<string> {
  const { code, output } = await project.run('up.sh', args, env)
  expect([code, output]).toEqual([0, output])
  return output
}

/** Types the command that `up.sh` prints for a first engine, again if the answer says so. Returns the port of the engine. */
async function typed(output: string): Promise<number> {
  const command = /^ {2}(curl .*)$/m.exec(output)?.[1] ?? 'echo no command'
  const answer = await until('the engine is started', async () => {
    const { output: told } = await project.shell(command)
    return !told.includes('"provisioning_in_progress"') && told
  })
  expect(answer).toContain('"host_http_port":')
  return Number(/"host_http_port":(\d+)/.exec(answer)?.[1])
}

const pid = () => project.read('.run/orchestrator.pid').trim()

async function listed() {
  const answer = await fetch(`http://127.0.0.1:${port}/engines`)
  return (await answer.json()) as readonly { readonly container_id: string; readonly health_status: string }[]
}

async function countContainers(): Promise<number> {
  const { key, value } = docker.label
  return (await docker.client.listContainers({ filters: { label: [`${key}=${value}`] } })).length
}

test('the printed command works with a key that .env has in any form, and nothing shows the key', async () => {
  copied()
  const settings = project.read('.env')
  let shown = ''
  for (const line of [
    `API_KEY=${KEY}`,
    `API_KEY="${KEY}, the-second-key-of-the-test"`,
    `export API_KEY = '${KEY}' # the key`,
  ]) {
    project.write('.env', `${settings}${line}\n`)
    const { output } = await project.run('up.sh')
    await typed(output)
    shown += output
  }
  expect(shown).toContain("$(sed -n 's/^API_KEY=//p' ")
  for (const text of [shown, project.read('.run/orchestrator.log'), project.read('.run/started.json')])
    expect(text).not.toContain(KEY)
})

test('a start sums itself up: at a terminal as a block, else as one entry of the log, and without the key', async () => {
  copied({ API_KEY: KEY })
  await up()
  const summary = () =>
    project
      .read('.run/orchestrator.log')
      .split('\n')
      .find((line) => line.includes('"ready: ')) ?? ''
  await until('it is summed up', () => summary() !== '')
  expect(JSON.parse(summary())).toMatchObject({
    ...{
      version: packageJson.version,
      addresses: [`http://127.0.0.1:${port}`],
      key: true,
      engines: 0,
      vpn: [],
    },
    ...{ panel: `http://127.0.0.1:${port}/panel`, database: project.path('orchestrator.db') },
    image: { name: image, state: 'present', recipe: 'variables' },
  })
  await project.run('down.sh')
  const terminal = Bun.spawn(['script', '-qec', `exec '${process.execPath}' src/main.ts`, '/dev/null'], {
    cwd: project.folder,
    stdin: 'ignore',
    stdout: 'pipe',
  })
  let shown = ''
  const reading = (async () => {
    const decoder = new TextDecoder()
    for await (const piece of terminal.stdout) shown += decoder.decode(piece, { stream: true })
  })()
  await until('the block is shown', () => shown.includes('Advice'))
  terminal.kill()
  await reading
  const block = shown.replaceAll('\r', '')
  expect(block).toContain(
    `Roundhouse ${packageJson.version} is ready\n  API       http://127.0.0.1:${port}\n`,
  )
  expect(block).toContain('\n  Key       yes\n')
  expect(block).not.toContain('"ready: ')
  expect(block).not.toContain(KEY)
})

test('the second up.sh says what has changed since the start, and with --restart it is in force', async () => {
  copied({ API_KEY: KEY })
  await up()
  const first = pid()
  const same = await up()
  expect(same).toContain(`The orchestrator runs already (process ${first}, `)
  expect(same).not.toContain('something else')

  project.append('.env', `MAX_REPLICAS=7\nAPI_KEY=another-key-of-the-test-of-the-scripts\n`)
  project.append('src/main.ts', '// changed\n')
  const { code, output } = await project.run('up.sh')
  expect(code).toBe(3)
  expect(output).toContain(
    'It runs with something else than there is now:\n' +
      '  API_KEY: another one is set now\n' +
      '  MAX_REPLICAS: 20 runs, 7 is set now\n' +
      '  the code: changed: src/main.ts\n' +
      'To start it anew with what is set now (no stream is cut): ',
  )
  expect(pid()).toBe(first)

  expect(await up(['--restart'])).toContain(
    `The orchestrator (process ${first}) has ended; its engines keep running.`,
  )
  expect(pid()).not.toBe(first)
  expect(await up()).not.toContain('something else')
})

test('a restart cuts no stream', async () => {
  copied()
  const enginePort = await typed(await up())
  await until('the engine is healthy', async () => (await listed())[0]?.health_status === 'healthy')
  const [engine] = await listed()
  const player = await fetch(`http://127.0.0.1:${enginePort}/ace/getstream?id=${STREAM}`)
  let bytes = 0
  let isOver = false
  const playing = (async () => {
    for await (const chunk of player.body ?? []) bytes += chunk.length
    isOver = true
  })()
  await until('the stream plays', () => bytes > 0)
  const first = pid()
  await up(['--restart'])
  expect(pid()).not.toBe(first)
  const before = bytes
  await until('the stream plays on', () => bytes > before)
  expect(isOver).toBe(false)
  expect((await listed()).map(({ container_id }) => container_id)).toEqual([engine?.container_id ?? ''])
  await docker.cleanUp()
  await playing.catch(() => undefined)
})

test('a wrong setting leaves what runs as it is, and is code 2', async () => {
  copied()
  await up()
  const first = pid()
  project.append('.env', 'MAX_REPLICAS=none\n')
  const { code, output } = await project.run('up.sh', ['--restart'])
  expect(code).toBe(2)
  expect(output).toContain('MAX_REPLICAS="none"')
  expect(output).toContain('The orchestrator that runs is as it was.')
  expect(pid()).toBe(first)
  expect((await fetch(`http://127.0.0.1:${port}/readyz`)).status).toBe(200)
})

test('a taken port is told before Docker is looked for', async () => {
  copied({ DOCKER_HOST: 'unix:///nope/docker.sock' })
  const holder = holdHostPort(port)
  const { code, output } = await project.run('up.sh')
  holder.release()
  expect(code).toBe(1)
  expect(output).toContain(
    `The orchestrator cannot listen on port ${port} of 127.0.0.1: another program has this port. Choose another one with APP_PORT`,
  )
  expect(output).not.toContain('Docker')
})

test('a restart to a taken port leaves what runs as it is', async () => {
  copied()
  await up()
  const taken = freePort()
  const holder = holdHostPort(taken)
  const { code, output } = await project.run('up.sh', ['--restart'], { APP_PORT: String(taken) })
  holder.release()
  expect([code, output]).toEqual([1, expect.stringContaining('another program has this port')])
  expect((await fetch(`http://127.0.0.1:${port}/readyz`)).status).toBe(200)
})

test('run.sh finds the Bun that up.sh installed, and up.sh says so', async () => {
  copied()
  const PATH = project.withoutBun()
  expect(await up([], { PATH })).toContain(
    `Bun is not on your PATH. To run it here, for example: sh '${project.folder}/scripts/run.sh' run check`,
  )
  const { code, output } = await project.run('run.sh', ['src/main.ts', '--print-config'], { PATH })
  expect(code).toBe(0)
  expect(output).toContain(`APP_PORT=${port}\n`)
  expect((await project.run('run.sh', [], { PATH })).code).toBe(2)
})

test('the log stays small, and the process goes on writing to it', async () => {
  copied()
  await up([], { ROUNDHOUSE_LOG_BYTES: '50000' })
  const filler = `${'x'.repeat(99)}\n`.repeat(600)
  project.append('.run/orchestrator.log', filler)
  await until('the log is small', () => project.read('.run/orchestrator.log').length < 50_000)
  expect(project.read('.run/orchestrator.log.1')).toContain(filler)
  await project.run('down.sh')
  expect(project.read('.run/orchestrator.log')).toMatch(/^\{.*"ending; engines keep running"/m)
  expect(project.read('.run/orchestrator.log')).not.toContain('\0')
})

test('down.sh leaves the engines and says how to remove them', async () => {
  copied()
  await typed(await up())
  const down = await project.run('down.sh')
  expect([down.code, down.output]).toEqual([
    0,
    `The orchestrator has ended.\n1 engine(s) keep running (label ${docker.label.key}=${docker.label.value}), and the next start finds them.\n` +
      `To remove them: sh '${project.folder}/scripts/down.sh' --remove-engines\n`,
  ])
  expect(await countContainers()).toBe(1)

  const removed = await project.run('down.sh', ['--remove-engines'])
  expect([removed.code, removed.output]).toEqual([
    0,
    expect.stringContaining('The orchestrator does not run.'),
  ])
  expect(await countContainers()).toBe(0)
  expect((await project.run('down.sh')).output).toEndWith('It has no engines.\n')
})

test('down.sh --purge removes engines and state', async () => {
  copied()
  await typed(await up())
  const { code } = await project.run('down.sh', ['--purge'])
  expect(code).toBe(0)
  expect(await countContainers()).toBe(0)
  const left = readdirSync(project.folder).filter(
    (name) => name === '.run' || name.startsWith('orchestrator.db'),
  )
  expect(left).toEqual([])
})

test('every script has --help, which does nothing else, and refuses other words with code 2', async () => {
  copied()
  const scripts = readdirSync(project.path('scripts')).filter((name) => /^(?!lib).*\.sh$/.test(name))
  expect(scripts.length).toBeGreaterThan(4)
  for (const script of scripts) {
    const { code, output } = await project.run(script, ['--help'])
    expect([script, code, output]).toEqual([script, 0, expect.stringContaining(`scripts/${script}`)])
    expect(output).toContain('Exit codes: ')
  }
  for (const script of ['up.sh', 'down.sh', 'check-provisioning.sh']) {
    const { code, output } = await project.run(script, ['--nonsense'])
    expect([script, code, output]).toEqual([script, 2, expect.stringContaining('Unknown option --nonsense.')])
  }
  expect(readdirSync(project.folder)).not.toContain('.run')
})

test('the settings of this folder are not committed', () => {
  copied()
  const ignored = Bun.spawnSync(['git', 'check-ignore', '.env', '.env.local', '.env.example'], {
    cwd: join(import.meta.dir, '../..'),
  })
  expect(ignored.stdout.toString()).toBe('.env\n.env.local\n')
  expect(statSync(project.path('.env')).isFile()).toBe(true)
})
