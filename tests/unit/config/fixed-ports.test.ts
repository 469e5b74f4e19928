import { describe, expect, test } from 'bun:test'
import { loadConfig } from '../../../src/config/config.ts'
import { fixedPorts } from '../../../src/config/fixed-ports.ts'

/** What is wrong with the setting, and the remedy. */
function problemOf(
  text: string,
  env: Record<string, string> = { GLUETUN_CONTAINER_NAME: 'gluetun' },
): string | null {
  const loaded = loadConfig({ ...env, GLUETUN_FIXED_PORTS: text }, [])
  const [problem] = 'problems' in loaded ? loaded.problems : []
  return problem === undefined ? null : `${problem.variable}: ${problem.remedy}`
}

describe('GLUETUN_FIXED_PORTS', () => {
  test.each([
    ['', []],
    ['gluetun:50000', [{ node: 'gluetun', ports: [50_000] }]],
    ['gluetun:50000,50001', [{ node: 'gluetun', ports: [50_000, 50_001] }]],
    [
      ' one:1 , 65535, two:50002 ',
      [
        { node: 'one', ports: [1, 65_535] },
        { node: 'two', ports: [50_002] },
      ],
    ],
    ['one:1,one:2', [{ node: 'one', ports: [1, 2] }]],
  ])('%p is read, and written as it is read', (text, nodes) => {
    const read = fixedPorts.parse(text)
    expect(read).toEqual(nodes)
    expect(fixedPorts.parse(fixedPorts.format(read ?? []))).toEqual(nodes)
  })

  test.each([
    '50000',
    'gluetun',
    'gluetun:',
    'gluetun:0',
    'gluetun:65536',
    'gluetun:x',
    'gluetun:1,,2',
    ':1',
    'a b:1',
  ])('%p is refused, with what to write', (text) => {
    const problem = problemOf(text)
    expect(problem).toStartWith(
      'GLUETUN_FIXED_PORTS: Set GLUETUN_FIXED_PORTS to the name of a Gluetun container',
    )
    expect(problem).toContain('from 1 to 65535')
    expect(problem).toContain('such as gluetun:50000,50001')
  })

  test.each([
    ['glutun:50000', 'Name a container of GLUETUN_CONTAINER_NAME (gluetun) instead of glutun'],
    ['gluetun:50000,50000', 'Name port 50000 of gluetun once'],
    ['gluetun:19003', 'Give GLUETUN_PORT_RANGE other ports than 19003'],
    ['gluetun:8000', 'Give GLUETUN_API_PORT other ports than 8000'],
  ])('%s is refused with the remedy', (text, remedy) => {
    expect(problemOf(text)).toStartWith(`GLUETUN_FIXED_PORTS: ${remedy}`)
  })

  test('may name a port of ACE_P2P_RANGE', () => {
    expect(problemOf('gluetun:8700')).toBeNull()
  })

  test('is refused where no VPN is named, with the remedy for both wishes', () => {
    expect(problemOf('one:50000,two:50001', {})).toBe(
      'GLUETUN_FIXED_PORTS: Set GLUETUN_CONTAINER_NAME=one,two too, since engines use no VPN without it; or leave this out if ' +
        'they shall use none',
    )
    // The advice about settings without a VPN does not say it again.
    expect(loadConfig({ GLUETUN_FIXED_PORTS: 'one:50000' }, []).warnings).toEqual([])
  })
})
