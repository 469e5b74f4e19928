import { describe, expect, test } from 'bun:test'
import { type AdmissionFacts, admission } from '../../../src/core/provisioning/admission.ts'

const allGood: AdmissionFacts = {
  storageFailure: null,
  vpn: null,
  breakerOpenForSeconds: null,
  engines: 3,
  maxReplicas: 10,
  capacityEtaSeconds: 30,
  unclaimed: false,
  noHost: null,
  portsTaken: null,
  docker: 'reachable',
  dockerError: '',
  image: { name: 'engine:1', state: 'present' },
}

const vpnDown = {
  state: 'down',
  isShort: false,
  why: "Gluetun VPN container 'gluetun' is not healthy",
  etaSeconds: null,
} as const
const vpnUnknown = { state: 'unknown', isShort: true, why: 'not known yet', etaSeconds: null } as const

describe('admission', () => {
  test('accepts when nothing is in the way', () => {
    expect(admission(allGood)).toBeNull()
    expect(
      admission({ ...allGood, vpn: { state: 'up', isShort: false, why: '', etaSeconds: null } }),
    ).toBeNull()
    expect(admission({ ...allGood, docker: 'unknown' })).toBeNull()
    // Nobody could look for the image yet, or it is one that nobody looks for.
    expect(admission({ ...allGood, image: { name: 'engine:1', state: 'unknown' } })).toBeNull()
  })

  // The words that acexy searches for and the numbers that it waits by are a contract; see section 5 of the design.
  test.each([
    [
      { vpn: vpnDown },
      'vpn_disconnected',
      "Cannot provision engine: VPN not available - Gluetun VPN container 'gluetun' is not healthy",
      'VPN not connected',
      60,
    ],
    [
      { vpn: vpnUnknown },
      'vpn_disconnected',
      'Cannot provision engine: VPN not available - not known yet',
      'VPN not connected',
      5,
    ],
    [
      { breakerOpenForSeconds: 42 },
      'circuit_breaker',
      'Provisioning temporarily unavailable: circuit breaker is open, next try in 42 s',
      'Circuit breaker is open',
      42,
    ],
    [
      { engines: 10 },
      'max_capacity',
      'Cannot provision engine: maximum capacity reached (10 of 10 engines)',
      'Maximum capacity reached',
      30,
    ],
    [
      { noHost: 'worker-1 is down' },
      'no_host',
      'No node of the swarm takes another engine: worker-1 is down',
      'No node takes an engine',
      10,
    ],
    [{ portsTaken: 'all taken' }, 'no_free_port', 'No free port: all taken', 'No free port', 30],
    [
      { docker: 'unreachable', dockerError: 'no socket' },
      'runtime_unavailable',
      'Docker does not answer: no socket',
      'Docker not reachable',
      5,
    ],
    [
      { image: { name: 'engine:1', state: { pullingEtaSeconds: 12 } } },
      'image_pulling',
      'The image engine:1 is being pulled',
      'Image is being pulled',
      12,
    ],
  ] as const)('refuses for %p', (change, code, message, blockedReason, etaSeconds) => {
    const refusal = admission({ ...allGood, ...change })
    expect(refusal).toEqual({ code, message, blockedReason, etaSeconds, shouldWait: true })
  })

  test('refuses for good where the image is not on this host', () => {
    expect(
      admission({ ...allGood, image: { name: 'engine:1', state: { missing: true, pullError: null } } }),
    ).toEqual({
      code: 'image_missing',
      message:
        'Failed to provision engine: image engine:1 is not on this Docker host; run: docker pull engine:1',
      blockedReason: 'Image not on this host',
      etaSeconds: null,
      shouldWait: false,
    })
  })

  test('tells the first reason of the order, whatever else is in the way', () => {
    const worst: AdmissionFacts = {
      ...allGood,
      vpn: vpnDown,
      breakerOpenForSeconds: 1,
      engines: 10,
      portsTaken: 'all',
      docker: 'unreachable',
      image: { name: 'engine:1', state: { missing: true, pullError: null } },
    }
    const order = [
      { change: {}, code: 'vpn_disconnected' },
      { change: { vpn: null }, code: 'circuit_breaker' },
      { change: { vpn: null, breakerOpenForSeconds: null }, code: 'max_capacity' },
      { change: { vpn: null, breakerOpenForSeconds: null, engines: 1 }, code: 'no_free_port' },
      {
        change: { vpn: null, breakerOpenForSeconds: null, engines: 1, portsTaken: null },
        code: 'runtime_unavailable',
      },
      {
        change: {
          ...{ vpn: null, breakerOpenForSeconds: null, engines: 1, portsTaken: null },
          docker: 'reachable' as const,
        },
        code: 'image_missing',
      },
    ]
    expect(order.map(({ change }) => admission({ ...worst, ...change })?.code as string)).toEqual(
      order.map(({ code }) => code),
    )
  })

  test('an unclaimed engine comes before every refusal but the VPN', () => {
    const worst: AdmissionFacts = {
      ...allGood,
      unclaimed: true,
      breakerOpenForSeconds: 9,
      engines: 10,
      docker: 'unreachable',
    }
    expect(admission(worst)).toBeNull()
    expect(admission({ ...worst, vpn: vpnDown })?.code).toBe('vpn_disconnected')
  })

  test('no sentence but its own has a word that acexy looks for', () => {
    const others = [
      admission({ ...allGood, portsTaken: 'all ports of PORT_RANGE_HOST 19000-19999 are taken' }),
      admission({ ...allGood, docker: 'unreachable', dockerError: 'connect ENOENT /var/run/docker.sock' }),
      admission({ ...allGood, image: { name: 'engine:1', state: { missing: true, pullError: null } } }),
      admission({ ...allGood, image: { name: 'engine:1', state: { pullingEtaSeconds: 1 } } }),
    ]
    for (const refusal of others) expect(refusal?.message).not.toMatch(/VPN|[Cc]ircuit breaker|capacity/)
  })
})
