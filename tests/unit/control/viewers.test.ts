import { afterEach, describe, expect, test } from 'bun:test'
import type { ContainerObservation } from '../../../src/runtime/runtime.ts'
import { OUTPUT_BYTES_MAX, RuntimeFailure } from '../../../src/runtime/runtime.ts'
import { newestJournal } from '../../../src/store/journal.ts'
import type { Command } from '../../support/memory-container.ts'
import { AS_ACEXY, Rig } from '../../support/rig.ts'
import { startBehindVpn } from '../../support/rig-vpn.ts'
import { asksForTables, tableAnswer } from '../../support/tcp-tables.ts'
import { settled } from '../../support/virtual-clock.ts'

/*
 * Viewers that no event reported, because their proxy has a wrong key or they have no proxy. Their connections or bytes show
 * them.
 */

interface Row {
  readonly container_id: string
  readonly container_name: string
  readonly status: string
  readonly listed: boolean
}

interface Question {
  readonly of: string
  readonly command: string | undefined
  readonly atMs: number
}

let rig: Rig
/** The connected address by the engine's port. Two looks see the same connection as long as the viewer stays. */
let connected: Map<number, string>
let asked: Question[]
/** The output of a container instead of the tables; undefined for the tables. */
let answerOf: (container: ContainerObservation, command: readonly string[]) => Command | undefined

afterEach(() => rig.dispose())

const NO_COMMAND = {
  exitCode: 126,
  output: 'OCI runtime exec failed: exec: "x": executable file not found in $PATH',
}
const QUICK = { DRAIN_HIDE_S: '5', ENGINE_GRACE_PERIOD_S: '10' }

async function start(env: Readonly<Record<string, string>> = {}): Promise<void> {
  rig = new Rig({ ...QUICK, ...env })
  listen()
  await rig.start()
}

function listen(): void {
  connected = new Map()
  asked = []
  answerOf = () => undefined
  rig.runtime.commandOf = (command, container) => {
    if (!asksForTables(command)) return { exitCode: 0, output: '' }
    asked.push({ of: container.name, command: command[0], atMs: rig.clock.now() })
    const said = answerOf(container, command)
    return said === undefined ? tableAnswer(entries()) : said
  }
}

const entries = () =>
  [...connected].map(([localPort, peer], index) => ({ localPort, peer, peerPort: 40_000 + index }))

/** Lets time pass while every probed engine answers each second, except those at the ports in `hung`. */
async function pass(seconds: number, hung: readonly number[] = []): Promise<void> {
  for (let second = 0; second < seconds; second++) {
    await rig.clock.advance(1_000)
    const atMs = rig.clock.now()
    for (const { engineId, generation, addresses, sessions } of rig.health.targets) {
      const ok = !addresses.some(({ port }) => hung.includes(port))
      rig.health.tell({ engineId, generation, ok, atMs, error: ok ? null : 'no answer' })
      const state = ok ? 'serves' : 'silent'
      for (const { streamRowId } of sessions)
        rig.health.tellSessions({ engineId, generation, streamRowId, state, figures: null, atMs })
    }
    await settled()
  }
}

/** Lets time pass while an engine receives this many bytes per second. */
async function passWithTraffic(seconds: number, id: string, bytesPerS: number): Promise<void> {
  for (let second = 0; second < seconds; second++) {
    rig.runtime.addTraffic(id, bytesPerS)
    await pass(1)
  }
}

const all = () => rig.json<Row[]>('GET', '/engines?status=all')
const names = async () => (await all()).map(({ container_name, status }) => `${container_name} ${status}`)
/** The warnings, but for that of the orders by which tests change the number of engines. */
/** The warnings of the status, as acexy asks for it: that nobody else does is not what is tried here. */
const warnings = async () =>
  (
    await rig.json<{ warnings: { code: string; message: string; remedy: string }[] }>(
      'GET',
      '/orchestrator/status',
      undefined,
      AS_ACEXY,
    )
  ).warnings.filter(({ code }) => code !== 'scale_overrides')
const told = () => rig.logged.filter((line) => line.includes('somebody watches whom no event reported'))
const containerId = () => rig.runtime.containers().at(-1)?.id ?? ''

describe('an engine that drains', () => {
  test('is kept while somebody is connected to it, hidden, and goes when he has left', async () => {
    await start({ AUTO_DELETE: 'true' })
    await rig.provision()
    connected.set(19_000, '192.168.1.7')
    await pass(120)
    expect(await all()).toMatchObject([{ status: 'draining', listed: false }])
    expect(told()).toEqual([expect.stringContaining('"from":["192.168.1.7:40000"]')])
    connected.clear()
    await pass(6)
    expect(await names()).toEqual([])
    expect(rig.runtime.containers()).toEqual([])
  })

  test('is kept so too when it was made from another configuration, and Roundhouse has been restarted', async () => {
    await start({ MIN_REPLICAS: '1', HEALTH_REPLACEMENT_COOLDOWN_S: '1' })
    await pass(2)
    connected.set(19_000, '192.168.1.7')
    await rig.restart({ ENGINE_ENV: 'NEW=yes' })
    await pass(60)
    expect(await names()).toEqual(['acestream-1 draining', 'acestream-2 ready'])
    await rig.restart({ ENGINE_ENV: 'NEW=yes' })
    await pass(60)
    expect(await names()).toEqual(['acestream-1 draining', 'acestream-2 ready'])
    connected.clear()
    await pass(6)
    expect(await names()).toEqual(['acestream-2 ready'])
  })

  test('is kept so too on an operator’s word, and goes at once when that is to delete it', async () => {
    await start()
    await rig.provision()
    connected.set(19_000, '192.168.1.7')
    await rig.request('POST', '/engines/acestream-1/drain')
    await pass(60)
    expect(await names()).toEqual(['acestream-1 draining'])
    expect((await rig.during(rig.request('DELETE', '/containers/acestream-1'))).status).toBe(200)
    expect(await names()).toEqual([])
  })

  test('goes as soon as it was hidden for long enough where nobody is connected: two looks', async () => {
    await start({ AUTO_DELETE: 'true' })
    await rig.provision()
    await pass(30)
    expect(await names()).toEqual([])
    const at = (wanted: string) =>
      newestJournal(rig.temp.store.db, 100).find(({ kind }) => kind === wanted)?.at ?? 0
    const drainedMs = at('engine.draining')
    expect(at('engine.removal_requested') - drainedMs).toBeWithin(5_000, 5_201)
    expect(asked.map(({ of, command }) => [of, command])).toEqual([
      ['acestream-1', 'grep'],
      ['acestream-1', 'grep'],
    ])
    expect((asked[0]?.atMs ?? 0) - drainedMs).toBeWithin(0, 201)
    expect(asked[1]?.atMs).toBe(drainedMs + 5_000)
  })

  test('is not kept by a question of ours, which is over soon', async () => {
    await start({ AUTO_DELETE: 'true' })
    await rig.provision()
    await pass(14)
    connected.set(19_000, '172.17.0.1')
    await pass(2)
    expect(await names()).toEqual(['acestream-1 draining'])
    connected.clear()
    await pass(2)
    expect(await names()).toEqual([])
    expect(told()).toEqual([])
  })

  test('nor by one that waits for an engine that hangs', async () => {
    await start({ MIN_REPLICAS: '1', HEALTH_FAILURE_THRESHOLD: '2' })
    await pass(2)
    await pass(4, [19_000])
    expect(await names()).toEqual(['acestream-1 draining', 'acestream-2 ready'])
    connected.set(19_000, '172.17.0.1')
    // Our own probe may stay connected this long at most.
    await pass(5, [19_000])
    connected.clear()
    await pass(3, [19_000])
    expect(await names()).toEqual(['acestream-2 ready'])
    expect(told()).toEqual([])
  })
})

test('nobody looks at engines that are not about to be ended', async () => {
  await start({ MIN_REPLICAS: '3', HEALTH_FAILURE_THRESHOLD: '2' })
  await pass(2)
  await rig.play(19_000)
  await pass(120)
  await rig.request('POST', '/engines/acestream-1/drain')
  await pass(120)
  expect(asked).toEqual([])
})

describe('where an engine’s own container can’t tell', () => {
  test('another command does', async () => {
    await start({ AUTO_DELETE: 'true' })
    answerOf = (_, [command]) => (command === 'grep' ? NO_COMMAND : undefined)
    await rig.provision()
    await pass(18)
    expect(await names()).toEqual([])
    expect(asked.map(({ command }) => command)).toEqual(['grep', 'cat', 'grep', 'cat'])
  })

  test('its traffic does: one that carries a stream is kept, one that chatters goes half a minute later', async () => {
    await start({ AUTO_DELETE: 'true' })
    answerOf = () => NO_COMMAND
    await rig.provision()
    await passWithTraffic(120, containerId(), 100_000)
    expect(await names()).toEqual(['acestream-1 draining'])
    expect(told()).toHaveLength(1)
    await passWithTraffic(40, containerId(), 15_000).catch(() => undefined)
    expect(await names()).toEqual([])
    expect(await warnings()).toEqual([])
  })

  test('nor has it room to, with thousands of connections: its traffic does', async () => {
    await start({ AUTO_DELETE: 'true' })
    answerOf = () => {
      const { output } = tableAnswer(
        [...Array(1_000).keys()].map((n) => ({ localPort: n, peer: '5.6.7.8', peerPort: n })),
      )
      return { exitCode: 0, output: output.slice(0, OUTPUT_BYTES_MAX) }
    }
    await rig.provision()
    await pass(30)
    expect(await names()).toEqual(['acestream-1 draining'])
    await pass(16)
    expect(await names()).toEqual([])
  })

  test('since it leaves commands without an answer: its traffic does', async () => {
    await start({ AUTO_DELETE: 'true' })
    answerOf = () => null
    await rig.provision()
    await pass(60)
    expect(await names()).toEqual(['acestream-1 draining'])
    await pass(120)
    expect(await names()).toEqual([])
  })
})

describe('behind a VPN', () => {
  const behind = async (env: Readonly<Record<string, string>> = {}): Promise<void> => {
    const started = await startBehindVpn(['gluetun'], { ...QUICK, ...env })
    rig = started.rig
    listen()
    const [node] = started.nodes
    rig.clock.after(0, function look() {
      node?.report()
      rig.clock.after(1_000, look)
    })
  }

  test('the container of the node tells, where the engine’s own can’t', async () => {
    await behind({ AUTO_DELETE: 'true' })
    answerOf = ({ name }) => (name === 'gluetun' ? undefined : NO_COMMAND)
    await rig.provision()
    await rig.provision()
    connected.set(19_000, '192.168.1.7')
    await pass(60)
    expect(await names()).toEqual(['acestream-1 draining'])
    expect(asked.slice(0, 3).map(({ of, command }) => `${of} ${command}`)).toEqual([
      'acestream-1 grep',
      'acestream-1 cat',
      'gluetun grep',
    ])
    connected.clear()
    await pass(6)
    expect(await names()).toEqual([])
  })

  test('another engine of the node tells, where neither can', async () => {
    await behind({ AUTO_DELETE: 'true', MIN_REPLICAS: '1' })
    answerOf = ({ name }) => (name === 'acestream-1' ? undefined : NO_COMMAND)
    await pass(2)
    await rig.provision()
    await rig.play(19_000)
    connected.set(19_001, '192.168.1.7')
    await pass(60)
    expect(await names()).toEqual(['acestream-1 ready', 'acestream-2 draining'])
    connected.clear()
    await pass(6)
    expect(await names()).toEqual(['acestream-1 ready'])
  })

  test('an engine of which nothing can tell is kept, told, and back in service where it is wanted', async () => {
    await behind({ AUTO_DELETE: 'true' })
    answerOf = () => NO_COMMAND
    await rig.provision()
    await pass(14)
    expect(await warnings()).toEqual([])
    await pass(300)
    expect(await names()).toEqual(['acestream-1 draining'])
    expect(await warnings()).toMatchObject([
      {
        code: 'viewers_unknown',
        message:
          'nobody can tell whether these engines still have viewers, so they are hidden and kept: acestream-1',
        remedy: expect.stringContaining('DELETE /containers/{id}'),
      },
    ])
    expect(rig.logged.filter((line) => line.includes('nobody can tell'))).toHaveLength(1)
    // The engine is asked rarely, because hardly anything changes about it.
    expect(asked.length).toBeLessThan(60)

    await rig.json('POST', '/scale/1')
    await pass(2)
    expect(await names()).toEqual(['acestream-1 ready'])
    expect(await warnings()).toEqual([])

    await rig.json('POST', '/scale/0')
    await pass(30)
    expect(await warnings()).toHaveLength(1)
    await rig.during(rig.request('DELETE', '/containers/acestream-1'))
    await pass(1)
    expect(await warnings()).toEqual([])
    expect(await names()).toEqual([])
  })

  test('engines that nothing can tell about never keep whoever comes from an engine', async () => {
    await behind({ AUTO_DELETE: 'true', MAX_REPLICAS: '2' })
    answerOf = () => NO_COMMAND
    expect((await rig.provision()).status).toBe(200)
    expect((await rig.provision()).status).toBe(200)
    await pass(60)
    expect((await names()).toSorted()).toEqual(['acestream-1 ready', 'acestream-2 draining'])
    expect(await rig.json('GET', '/engines')).toHaveLength(1)
    await pass(60)
    expect((await names()).toSorted()).toEqual(['acestream-1 ready', 'acestream-2 draining'])
  })

  test('one that can tell again is removed', async () => {
    await behind({ AUTO_DELETE: 'true' })
    answerOf = () => NO_COMMAND
    await rig.provision()
    await pass(60)
    answerOf = () => undefined
    await pass(31)
    expect(await names()).toEqual([])
    expect(await warnings()).toEqual([])
  })
})

describe('Docker', () => {
  test('that goes away at the look has told nothing, and nothing is decided by it', async () => {
    await start({ AUTO_DELETE: 'true' })
    await rig.provision()
    await pass(14)
    rig.runtime.goDown()
    await pass(60)
    expect(await names()).toEqual(['acestream-1 draining'])
    connected.set(19_000, '192.168.1.7')
    rig.runtime.comeUp()
    await pass(60)
    expect(await names()).toEqual(['acestream-1 draining'])
    connected.clear()
    await pass(6)
    expect(await names()).toEqual([])
  })

  test('that breaks off a look is asked again some seconds later, and not at every turn', async () => {
    await start({ AUTO_DELETE: 'true' })
    await rig.provision()
    await pass(11)
    const failure = new RuntimeFailure('unreachable', 'cut', { effect: 'unknown' })
    let asks = 0
    rig.runtime.faults.decide = ({ verb }) => {
      if (verb === 'exec') asks++
      return verb === 'exec' && asks <= 2 ? { kind: 'fail_before', failure } : null
    }
    await pass(30)
    expect(asks).toBeLessThan(8)
    expect(await names()).toEqual([])
    expect(rig.logged.join()).not.toContain('a look for viewers failed')
  })

  test('that forbids commands leaves its counters', async () => {
    await start({ AUTO_DELETE: 'true' })
    const failure = new RuntimeFailure('refused', 'Docker refused to run grep: 403')
    rig.runtime.faults.always('exec', { kind: 'fail_before', failure })
    await rig.provision()
    await passWithTraffic(90, containerId(), 100_000)
    expect(await names()).toEqual(['acestream-1 draining'])
    await pass(40)
    expect(await names()).toEqual([])
  })
})

describe('an engine that fails', () => {
  const hung = { HEALTH_FAILURE_THRESHOLD: '2', HEALTH_UNHEALTHY_GRACE_PERIOD_S: '10', MIN_REPLICAS: '1' }

  test('under a viewer of the books, who gets nothing and is still connected, has its traffic counted once', async () => {
    await start(hung)
    await pass(2)
    await rig.play(19_000)
    connected.set(19_000, '192.168.1.7')
    await pass(30, [19_000])
    expect(await names()).toEqual(['acestream-1 ready'])
    // The traffic is counted for half a minute, beginning after half of the grace period. Then the successor boots for a
    // while.
    await pass(15, [19_000, 19_001])
    expect(await names()).toEqual(['acestream-1 ready', 'acestream-2 starting'])
    await pass(3, [19_000])
    expect(await names()).toEqual(['acestream-2 ready'])
  })

  test('under a viewer of the books is kept for another whom no event reported', async () => {
    await start(hung)
    await pass(2)
    await rig.play(19_000)
    connected.set(19_000, '192.168.1.7')
    for (let second = 0; second < 90; second++) {
      rig.runtime.addTraffic(containerId(), 0, 100_000)
      await pass(1, [19_000])
    }
    expect(await names()).toEqual(['acestream-1 ready'])
  })

  test('under a viewer of the books who has left, and whose proxy did not say so, is replaced after the grace', async () => {
    await start(hung)
    await pass(2)
    await rig.play(19_000)
    await pass(20, [19_000])
    expect(await names()).toEqual(['acestream-2 ready'])
  })

  test('to answer us, and is watched all the same, is kept', async () => {
    await start({ STARTUP_TIMEOUT_S: '10', MIN_REPLICAS: '1', MAX_REPLICAS: '1' })
    connected.set(19_000, '192.168.1.7')
    await pass(1, [19_000])
    for (let second = 0; second < 60; second++) {
      rig.runtime.addTraffic(containerId(), 100_000)
      await pass(1, [19_000])
    }
    expect(await names()).toEqual(['acestream-1 starting'])
    connected.clear()
    await pass(6, [19_000])
    expect(await names()).toEqual(['acestream-2 ready'])
  })

  test('to answer us, and is watched, is not ended for what an outage of Docker kept from being seen', async () => {
    await start({ STARTUP_TIMEOUT_S: '10', MIN_REPLICAS: '1', MAX_REPLICAS: '1' })
    connected.set(19_000, '192.168.1.7')
    await pass(1, [19_000])
    const id = containerId()
    const moves = async (seconds: number) => {
      for (let second = 0; second < seconds; second++) {
        rig.runtime.addTraffic(id, 100_000)
        await pass(1, [19_000])
      }
    }
    await moves(60)
    rig.runtime.goDown()
    await moves(20)
    rig.runtime.comeUp()
    await moves(60)
    expect(await names()).toEqual(['acestream-1 starting'])
  })

  test('to answer us, and is used by nobody, goes when its time is over', async () => {
    await start({ STARTUP_TIMEOUT_S: '10', MIN_REPLICAS: '1', MAX_REPLICAS: '1' })
    await pass(12, [19_000])
    expect(newestJournal(rig.temp.store.db, 50).map(({ kind }) => kind)).toContain('engine.failed')
  })

  test('again and again is kept while it runs and somebody watches', async () => {
    await start({ MIN_REPLICAS: '1', MAX_REPLICAS: '1' })
    await pass(2)
    connected.set(19_000, '192.168.1.7')
    for (let crash = 0; crash < 4; crash++) {
      // The crash is noticed only when the engine runs again. While it is stopped, nobody can watch.
      rig.runtime.goDown()
      rig.runtime.crash(containerId())
      await pass(2)
      rig.runtime.comeUp()
      await pass(15)
    }
    expect(await names()).toEqual(['acestream-1 ready'])
    connected.clear()
    await pass(6)
    expect(await names()).toEqual(['acestream-2 ready'])
  })
})
