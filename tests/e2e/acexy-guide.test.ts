import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { settingNames } from '../../src/config/config.ts'
import { AcexyFront } from '../support/acexy-front.ts'
import { differences, EngineNames, type Step, stepsOf, Terminal } from '../support/guide.ts'
import type { TestServer } from '../support/server.ts'
import { openVpnSite, untilForwarding, type VpnSite } from '../support/vpn-site.ts'

/*
 * Runs docs/ACEXY_INTEGRATION.md as a person would: types its commands into a terminal, one after another, against the
 * orchestrator as a process, real Docker and our model of acexy, and compares their output with what the guide shows.
 */

setDefaultTimeout(120_000)

const ROOT = join(import.meta.dir, '../..')
const CONTENT = 'dd1e67078381739d14beca697356ab76d49d1a2d'
const guide = await Bun.file(join(ROOT, 'docs/ACEXY_INTEGRATION.md')).text()
const steps = stepsOf(guide)
const isAboutVpn = ({ heading }: Step): boolean => heading.startsWith('Scenario 2')

let vpn: VpnSite
const cleanUps: (() => unknown)[] = []

beforeAll(async () => {
  vpn = await openVpnSite()
}, 240_000)
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp()
  await vpn.cleanUp()
})
afterAll(() => vpn?.cleanUp())

/** Runs these steps and checks the differences. `names` are the guide's names that are different here. */
async function follow(
  server: TestServer,
  chosen: readonly Step[],
  names: Readonly<Record<string, string>> = {},
): Promise<void> {
  const front = new AcexyFront(server)
  const folder = mkdtempSync(join(tmpdir(), 'roundhouse-guide-'))
  const { docker } = vpn.site
  const env = {
    CONTENT,
    ...(docker.dockerHost === null ? {} : { DOCKER_HOST: docker.dockerHost }),
  }
  // The commands are plain sh; the guide's own values of these variables are replaced below.
  const terminal = new Terminal(folder, env, ['sh'])
  cleanUps.push(
    () => rmSync(folder, { recursive: true }),
    () => front.stop(),
    () => terminal.close(),
  )
  const ours = {
    'http://localhost:8000': server.url,
    'http://localhost:8080': front.url,
    'ROUNDHOUSE=/opt/roundhouse': `ROUNDHOUSE=${ROOT}`,
    'label=ondemand.app=myservice': `label=${docker.label.key}=${docker.label.value}`,
    '"ondemand.app": "myservice"': `"${docker.label.key}": "${docker.label.value}"`,
    ...names,
  }
  const engines = new EngineNames()
  const inOurs = (text: string): string =>
    Object.entries(ours).reduce((all, [theirs, own]) => all.replaceAll(theirs, own), engines.inOurs(text))
  for (const { heading, commands, shown } of chosen) {
    const printed = await terminal.run(inOurs(commands))
    if (shown === null) continue
    engines.learn(shown.text, printed)
    const what = `${heading}:\n${commands}`
    if (shown.kind === 'text') expect(printed, what).toBe(inOurs(shown.text))
    else
      expect(differences(JSON.parse(inOurs(shown.text)), JSON.parse(printed)), `${what}\n${printed}`).toEqual(
        [],
      )
  }
}

describe('the guide for acexy', () => {
  test('has commands, and an answer to each that prints something', () => {
    expect(steps.length).toBeGreaterThan(20)
    const silent = steps.filter(({ shown }) => shown === null)
    expect(silent.map(({ commands }) => commands.replaceAll(/^export .*\n/gm, ''))).toEqual([''])
  })

  test('names settings that there are, and a VPN in the second block alone', () => {
    const blocks = [...guide.matchAll(/^```env roundhouse\n([\s\S]*?)^```$/gm)].map(([, block = '']) =>
      [...block.matchAll(/^(?:export ([A-Z_]+)=\S+|.*)\n/gm)].map(([, name = 'no setting']) => name),
    )
    const [without = [], behind = []] = blocks
    expect(blocks).toHaveLength(2)
    const known: readonly string[] = settingNames()
    expect(blocks.flat().filter((name) => !known.includes(name))).toEqual([])
    expect(without.filter((name) => /GLUETUN|VPN/.test(name))).toEqual([])
    expect(behind.filter((name) => !without.includes(name)).every((name) => /GLUETUN|VPN/.test(name))).toBe(
      true,
    )
    expect(without.length).toBeGreaterThan(5)
    expect(behind).toContain('GLUETUN_CONTAINER_NAME')
  })

  test('is right about everything but the VPN', async () => {
    // Engines boot slowly and never finish buffering, so that both states look the same whenever they are read.
    const ENGINE_ENV = 'BOOT_API_MS=2500\nBOOT_MS=2500\nSTAT_DOWNLOAD_MS=600000'
    const settings = { MAX_REPLICAS: '3', ENGINE_ADVERTISE: 'host', COLLECT_INTERVAL_S: '1' }
    const server = vpn.site.server({ ...settings, ENGINE_ENV })
    await server.start()
    await follow(
      server,
      steps.filter((step) => !isAboutVpn(step)),
    )
  })

  test('is right about the VPN', async () => {
    const gluetun = await vpn.gluetun()
    const server = vpn.server([gluetun])
    await server.start()
    await untilForwarding(server)
    const { name } = gluetun.options
    await follow(server, steps.filter(isAboutVpn), {
      'docker stop gluetun': `docker stop ${name}`,
      'docker start gluetun': `docker start ${name}`,
      "'gluetun'": `'${name}'`,
      '"gluetun"': `"${name}"`,
      'gluetun\n': `${name}\n`,
    })
  })
})
