import { describe, expect, test } from 'bun:test'
import { loadConfig } from '../../../src/config/config.ts'

const SWARM = { ENGINE_RUNTIME: 'swarm', MIN_FREE_REPLICAS: '1' }

/** What is wrong with these settings, each with its remedy. */
function problemsOf(env: Record<string, string>): readonly string[] {
  const loaded = loadConfig(env, [])
  return 'problems' in loaded ? loaded.problems.map(({ variable, remedy }) => `${variable}: ${remedy}`) : []
}

function warningsOf(env: Record<string, string>): string {
  const loaded = loadConfig(env, [])
  if ('problems' in loaded) throw new Error(JSON.stringify(loaded.problems))
  return loaded.warnings.join('\n')
}

describe('on a swarm', () => {
  test.each([
    ['GLUETUN_CONTAINER_NAME', 'gluetun', 'cannot join the network of a VPN container'],
    ['PUBLISH_ADDRESS', '10.0.0.1', 'all addresses of a node'],
    ['ENGINE_SECURITY_OPT', 'seccomp=unconfined', 'no such options'],
    ['ENGINE_CACHE_PATH', '/cache', 'ENGINE_TMPFS'],
    ['DOCKER_NETWORK', 'auto', 'overlay network'],
    ['ENGINE_HEALTHCHECK', 'image', 'Set this to none'],
    ['ENGINE_TMPFS', '/cache:size=1g,uid=5', 'size and mode'],
    ['ENGINE_VOLUMES', '/srv:/srv:z', 'propagation'],
    ['PULL', 'missing', 'each node gets the image by itself'],
  ])('%s=%s ends the start, and the remedy is told', (name, value, words) => {
    expect(problemsOf({ ...SWARM, [name]: value })).toEqual([
      expect.stringMatching(new RegExp(`^${name}: With ENGINE_RUNTIME=swarm .*${words}`)),
    ])
    expect(problemsOf({ [name]: value, ENGINE_RUNTIME: 'docker' })).toEqual([])
  })

  test.each([
    ['ENGINE_TMPFS', '/cache:size={cache_bytes},mode=1777 /other'],
    ['ENGINE_VOLUMES', 'cache:/cache:ro,/srv:/srv:rshared,/a:/a'],
  ])('%s=%s is as good as elsewhere', (name, value) => {
    expect(problemsOf({ ...SWARM, [name]: value })).toEqual([])
  })

  test('all that is wrong is told at once', () => {
    const wrong = {
      ...SWARM,
      PULL: 'always',
      PUBLISH_ADDRESS: '10.0.0.1',
      SWARM_CONSTRAINTS: 'node.rule==worker',
    }
    expect(problemsOf(wrong).map((problem) => problem.split(':')[0])).toContain('SWARM_CONSTRAINTS')
    const { SWARM_CONSTRAINTS: _, ...rest } = wrong
    expect(problemsOf(rest)).toHaveLength(2)
  })

  test('SWARM_POST_NODE and ingress exclude each other', () => {
    const both = { ...SWARM, SWARM_POST_NODE: 'manager-1', SWARM_PUBLISH: 'ingress' }
    expect(problemsOf(both)).toEqual([expect.stringContaining('every node passes connections on')])
  })

  test('a condition that Docker would not read is refused with what to write', () => {
    expect(problemsOf({ ...SWARM, SWARM_CONSTRAINTS: 'node.role==worker, zone=a' })).toEqual([
      expect.stringMatching(/^SWARM_CONSTRAINTS: .*attribute==value or attribute!=value.*node\.labels\./),
    ])
  })

  test('acexy that would look at localhost in vain is told of, until a setting helps', () => {
    const advice = /SWARM_PUBLISH: acexy looks for an engine .* at localhost/
    expect(warningsOf({ ENGINE_RUNTIME: 'swarm' })).toMatch(advice)
    for (const change of [{ MIN_FREE_REPLICAS: '1' }, { SWARM_POST_NODE: 'a' }, { SWARM_PUBLISH: 'ingress' }])
      expect(warningsOf({ ENGINE_RUNTIME: 'swarm', ...change })).not.toMatch(advice)
    expect(warningsOf({})).not.toMatch(advice)
  })
})

test.each([
  ['SWARM_CONSTRAINTS', 'node.role==worker'],
  ['SWARM_MAX_PER_NODE', '3'],
  ['SWARM_POST_NODE', 'manager-1'],
  ['SWARM_PUBLISH', 'ingress'],
])('%s means nothing without a swarm, which ends the start', (name, value) => {
  expect(problemsOf({ [name]: value })).toEqual([
    `${name}: Set ENGINE_RUNTIME=swarm too, or leave ${name} out`,
  ])
})
