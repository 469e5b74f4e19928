import { describe, expect, test } from 'bun:test'
import { runtimeUnavailable } from '../../../src/core/provisioning/refusal.ts'
import { markedIn, orchestratorStatus, type StatusFacts } from '../../../src/core/views/status.ts'

const facts: StatusFacts = {
  engines: { total: 3, running: 3, healthy: 2, unhealthy: 1 },
  streams: { active: 5, total: 10, onEngines: 5 },
  limits: { maxReplicas: 10, minReplicas: 1 },
  hosts: [],
  vpn: { connected: true, health: 'healthy', container: 'gluetun', forwardedPort: 54_321, nodes: [] },
  breaker: { state: 'closed', lastFailureAt: null, lastFailureReason: null },
  isAnyBreakerNotClosed: false,
  isDockerUnreachable: false,
  isStorageRefusing: false,
  isNoneReached: false,
  refusal: null,
  image: { state: 'present', pullError: null, pull: null },
  proxies: { heardMs: null, heard: [] },
  warnings: [],
  config: { autoDelete: false, graceSeconds: 30, targetImage: 'engine:1' },
  nowMs: Date.parse('2026-11-23T12:00:00Z'),
  version: '0.2.0',
}

describe('orchestrator status', () => {
  test("the seed's example state gives the seed's example answer", () => {
    expect(orchestratorStatus(facts)).toMatchObject({
      status: 'healthy',
      engines: { total: 3, running: 3, healthy: 2, unhealthy: 1 },
      streams: { active: 5, total: 10 },
      capacity: { total: 3, used: 5, available: -2, max_replicas: 10, min_replicas: 1 },
      vpn: { enabled: true, connected: true, health: 'healthy', forwarded_port: 54321 },
      provisioning: { can_provision: true, circuit_breaker_state: 'closed', blocked_reason: null },
    })
  })

  test('streams that no engine of ours serves do not use capacity', () => {
    const { streams, capacity } = orchestratorStatus({
      ...facts,
      streams: { active: 5, total: 10, onEngines: 2 },
    })
    expect(streams.active).toBe(5)
    expect(capacity).toMatchObject({ used: 2, available: 1 })
  })

  test('without a VPN it is told as off', () => {
    expect(orchestratorStatus({ ...facts, vpn: null }).vpn).toEqual({
      enabled: false,
      connected: false,
      health: 'unknown',
      container: null,
      forwarded_port: null,
    })
  })

  const refusal = runtimeUnavailable('no socket')
  const idle = { total: 0, running: 0, healthy: 0, unhealthy: 0 }

  test.each([
    [{ isAnyBreakerNotClosed: true }, 'degraded'],
    [{ isDockerUnreachable: true, refusal }, 'degraded'],
    [{ isStorageRefusing: true, refusal }, 'degraded'],
    [{ isNoneReached: true }, 'degraded'],
    [
      {
        vpn: { connected: false, health: 'unhealthy', container: 'gluetun', forwardedPort: null, nodes: [] },
      },
      'degraded',
    ],
    [{ engines: idle, refusal }, 'unavailable'],
    [{ engines: idle }, 'healthy'],
  ] as const)('%p is %s', (change, status) => {
    expect(orchestratorStatus({ ...facts, ...change }).status).toBe(status)
  })

  test('warnings are told with the time of their beginning', () => {
    const warning = { code: 'storage_unavailable', message: 'no room', remedy: 'free some' } as const
    const { warnings } = orchestratorStatus({ ...facts, warnings: [{ ...warning, sinceMs: facts.nowMs }] })
    expect(warnings).toEqual([{ ...warning, since: '2026-11-23T12:00:00.000Z' }])
  })

  test('a refusal is told in every form that its readers want', () => {
    const { provisioning } = orchestratorStatus({ ...facts, refusal })
    expect(provisioning).toMatchObject({
      can_provision: false,
      blocked_reason: 'Docker not reachable',
      blocked_reason_details: {
        code: 'runtime_unavailable',
        message: 'Docker does not answer: no socket',
        recovery_eta_seconds: 5,
        should_wait: true,
      },
    })
  })
})

describe('the number of engines marked for replacement', () => {
  test('has those that drain for being unhealthy and those that others replace, each once', () => {
    const marked = [
      { id: 'a', drainCause: 'unhealthy', replaces: null },
      { id: 'b', drainCause: null, replaces: 'a' },
      { id: 'c', drainCause: null, replaces: null },
      { id: 'd', drainCause: 'surplus', replaces: 'c' },
      { id: 'e', drainCause: null, replaces: 'gone' },
    ] as const
    expect(markedIn(marked)).toBe(2)
  })

  test('asks twice as many engines twice as often what they replace', () => {
    const readsOf = (size: number): number => {
      let reads = 0
      const engines = Array.from({ length: size }, (_, index) => ({
        ...{ id: String(index), drainCause: null },
        get replaces() {
          reads++
          return null
        },
      }))
      markedIn(engines)
      return reads
    }
    expect(readsOf(200)).toBe(2 * readsOf(100))
  })
})
