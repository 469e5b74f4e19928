import { expect, test } from 'bun:test'
import {
  type StartBasics,
  type StartFindings,
  startBlock,
  startMembers,
  startSentence,
} from '../../../src/core/reporting/start-report.ts'

/* A start in words: as a block for people, and as the members of one log entry. */

const findings: StartFindings = {
  docker: '20.10.24',
  image: { name: 'acestream:1', state: 'present', recipe: 'variables' },
  engines: { total: 4, kept: 2, adopted: 1, gone: 1, outdated: 2, open: 3 },
  streams: 1,
  vpn: [
    { name: 'gluetun', state: 'up', control: 'gluetun' },
    { name: 'vpn-2', state: 'unknown', control: 'none' },
  ],
  warnings: ['cache_unbounded'],
  advice: ['the cache has no limit. Remedy: set ENGINE_TMPFS', 'PROVISION_DEADLINE_MS: too\nlong'],
}
const nothing: StartFindings = {
  docker: null,
  image: { name: 'acestream:1', state: 'missing', recipe: null },
  engines: { total: 0, kept: 0, adopted: 0, gone: 0, outdated: 0, open: 0 },
  ...{ streams: 0, vpn: [], warnings: [], advice: [] },
}
const basics: StartBasics = {
  version: '1.2.3',
  addresses: ['http://localhost:8000', 'http://192.168.1.5:8000'],
  panel: 'http://localhost:8000/swagger',
  database: '/data/orchestrator.db',
  isKeyed: true,
}

test('a block has a line for each subject, and one for each advice', () => {
  expect(startBlock(findings, basics)).toBe(
    `Roundhouse 1.2.3 is ready
  API       http://localhost:8000, http://192.168.1.5:8000
  Panel     http://localhost:8000/swagger
  Database  /data/orchestrator.db
  Docker    20.10.24
  Image     acestream:1 is on this Docker host
  Recipe    variables
  Engines   4: 2 kept, 1 adopted, 1 started, 1 gone since the last time, 2 outdated and renewed when idle, 3 open on all addresses of the host, 1 stream
  VPN       gluetun is up, vpn-2 is unknown, without a control server (VPN_CONTROL=none)
  Key       yes
  Advice    the cache has no limit. Remedy: set ENGINE_TMPFS
  Advice    PROVISION_DEADLINE_MS: too long
`,
  )
})

test('a block says what there is not', () => {
  expect(startBlock(nothing, { ...basics, isKeyed: false })).toContain(
    `  Docker    it does not say its version
  Image     acestream:1 is not on this Docker host
  Recipe    none
  Engines   none
  VPN       none
  Key       no: whoever reaches these addresses may do everything
  Advice    none
`,
  )
  const lost = { ...nothing, engines: { ...nothing.engines, gone: 2 } }
  expect(startBlock(lost, basics)).toContain('  Engines   none, 2 gone since the last time\n')
})

test('a log entry has all members, with what is known of the process before if that is given', () => {
  const { isKeyed: key, ...rest } = basics
  const { engines, ...others } = findings
  const { total, ...counts } = engines
  expect(startMembers(findings, basics)).toEqual({ ...rest, key, ...others, engines: total, ...counts })
  expect(startMembers(findings, null)).toEqual({ ...others, engines: total, ...counts })
})

test.each([
  [nothing, '0 engines, 0 streams, nothing to be warned of'],
  [
    findings,
    '4 engines, 2 of them made from another image or by other settings and renewed when idle, ' +
      '3 of them open on all addresses of the host, 1 stream, ' +
      'warnings: cache_unbounded',
  ],
])('the sentence counts and names the warnings', (found, sentence) => {
  expect(startSentence(found)).toBe(sentence)
})
