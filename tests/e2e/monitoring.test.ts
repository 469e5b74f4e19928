import { Database } from 'bun:sqlite'
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { until } from '../support/docker.ts'
import { DockerProxy } from '../support/docker-proxy.ts'
import { openTestSite, provision, type TestSite } from '../support/fleet.ts'
import { emulatorOf, type FleetRow, reportStarted, startViewing, untilReady } from '../support/lifecycle.ts'
import {
  ALERTS_FILE,
  type AlertRule,
  alertRules,
  asAsked,
  dashboard,
  metricsIn,
  namesIn,
  SCRAPE_FILE,
  scrapeJobs,
} from '../support/monitoring-files.ts'
import { promtool, type Series, TestPrometheus } from '../support/prometheus.ts'
import type { TestServer } from '../support/server.ts'
import { openVpnSite, untilNode, type VpnSite } from '../support/vpn-site.ts'

/*
 * The files in `deploy/` with running servers. A real Prometheus scrapes them every second, and evaluates the alerts' own
 * expressions before and during the trouble that each alert is about. The tests do not wait for an alert's `for`.
 */

setDefaultTimeout(60_000)

const QUICK = {
  ENGINE_ADVERTISE: 'host',
  HEALTH_CHECK_INTERVAL_S: '1',
  HEALTH_FAILURE_THRESHOLD: '2',
  HEALTH_UNHEALTHY_GRACE_PERIOD_S: '1',
  COLLECT_INTERVAL_S: '0.5',
}
const API_KEY = 'a-key-for-reads'
const MISSING_IMAGE = 'roundhouse-test/none:1'

let vpn: VpnSite
/** One site for each server, because servers with the same label would take each other's engines for their own. */
let sites: readonly [TestSite, TestSite, TestSite]
let prometheus: TestPrometheus
let proxy: DockerProxy
let servers: Readonly<Record<'fleet' | 'broken' | 'shut', TestServer>>
let behindVpn: { readonly gluetun: Awaited<ReturnType<VpnSite['gluetun']>>; readonly server: TestServer }
let rules: readonly AlertRule[]
const folder = mkdtempSync(join(tmpdir(), 'roundhouse-monitoring-'))
const cleanUps: (() => unknown)[] = [() => rmSync(folder, { recursive: true })]

beforeAll(async () => {
  rules = await alertRules()
  vpn = await openVpnSite()
  sites = [await openTestSite(), await openTestSite(), await openTestSite()]
  const [one, two, three] = sites
  proxy = await DockerProxy.open(one.docker.dockerHost)
  const gluetun = await vpn.gluetun()
  behindVpn = { gluetun, server: vpn.server([gluetun]) }
  servers = {
    fleet: one.server({ ...QUICK, DOCKER_HOST: proxy.dockerHost, MIN_REPLICAS: '1', MAX_REPLICAS: '1' }),
    broken: two.server({
      ...{ ...QUICK, CIRCUIT_BREAKER_FAILURE_THRESHOLD: '1', ENGINE_ENV: 'BOOT_MS=nonsense' },
      ALLOWED_IMAGES: MISSING_IMAGE,
    }),
    shut: three.server({ ...QUICK, API_KEY, API_KEY_PROTECT_READS: 'true' }),
  }
  const all = [...Object.values(servers), behindVpn.server]
  await Promise.all(all.map((server) => server.start()))
  prometheus = await TestPrometheus.start(await scrapingConfig(all))
  await Promise.all(all.filter((server) => server !== servers.shut).map(untilScraped))
}, 240_000)

afterAll(async () => {
  for (const cleanUp of cleanUps) await cleanUp()
  await prometheus?.stop()
  await Promise.all([vpn, ...(sites ?? [])].map((site) => site?.cleanUp()))
  proxy?.stop()
})

/**
 * The scrape configuration of `deploy/`, but every second and for these servers, and once more with the lines about the key
 * enabled.
 */
async function scrapingConfig(all: readonly TestServer[]): Promise<object> {
  const keyFile = join(folder, 'key')
  await Bun.write(keyFile, API_KEY)
  const { open, withKey } = await scrapeJobs(keyFile)
  const at = (...targets: readonly TestServer[]) => ({
    static_configs: [{ targets: targets.map(instanceOf) }],
  })
  return {
    global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
    rule_files: [ALERTS_FILE],
    scrape_configs: [
      { ...open, ...at(...all) },
      { ...withKey, job_name: 'with_key', ...at(servers.shut) },
    ],
  }
}

const instanceOf = ({ port }: TestServer): string => `127.0.0.1:${port}`

const untilScraped = (server: TestServer) =>
  until('it was scraped', async () =>
    (await prometheus.query(`up{job="roundhouse",instance="${instanceOf(server)}"} == 1`)).at(0),
  )

/** The series of an alert's own expression that are about a server. The alert fires for each of them. */
async function firing(alert: string, server: TestServer): Promise<readonly Series[]> {
  const rule = rules.find((each) => each.alert === alert)
  if (rule === undefined) throw new Error(`no alert ${alert}`)
  return (await prometheus.query(rule.expr)).filter(({ metric }) => metric.instance === instanceOf(server))
}

/** Causes the trouble that an alert is about. The alert must not fire before, and must fire afterwards. */
async function mustFire(alert: string, server: TestServer, bringAbout: () => Promise<unknown>) {
  expect([alert, await firing(alert, server)]).toEqual([alert, []])
  await bringAbout()
  tried.add(alert)
  const series = await until(
    `${alert} fires`,
    async () => {
      const series = await firing(alert, server)
      return series.length > 0 && series
    },
    30_000,
  ).catch((cause) => {
    throw new Error(`${cause.message}\n${server.output}`, { cause })
  })
  await mustBeReadable(alert, server)
  return series
}

/** Checks the summary that people receive: no figure in it lacks its value. */
async function mustBeReadable(alert: string, server: TestServer): Promise<void> {
  const raised = await until(`${alert} is raised`, async () =>
    (await prometheus.alerts()).find(
      ({ labels }) => labels.alertname === alert && labels.instance === instanceOf(server),
    ),
  )
  expect(raised.annotations.summary).not.toMatch(/no value|\{\{|NaN|<error/)
}

/** The alerts that were seen to fire, and not before their trouble. */
const tried = new Set<string>()

const first = <T>(items: readonly T[]): T => {
  const [item] = items
  if (item === undefined) throw new Error('there is none')
  return item
}

describe('the files', () => {
  test.each([
    ['rules', ALERTS_FILE],
    ['config', SCRAPE_FILE],
  ])('promtool finds no fault with the %s', async (what, file) => {
    const { code, output } = await promtool(['check', what, file])
    expect([code, output]).toEqual([0, expect.not.stringContaining('FAILED')])
  })

  test('a Roundhouse that is not scraped at all is down, and capacity may be low for five minutes', async () => {
    const text = (alert: string) => rules.find((rule) => rule.alert === alert)?.annotations
    const at = (eval_time: string, alertname: string, exp_alerts: readonly object[]) => ({
      ...{ eval_time, alertname, exp_alerts },
    })
    const down = {
      exp_labels: { severity: 'critical', job: 'roundhouse' },
      exp_annotations: text('RoundhouseDown'),
    }
    const ROOM = /\{\{ \$labels.instance \}\} has room for \{\{ \$value \}\}/
    const low = {
      exp_labels: { severity: 'warning', instance: 'a' },
      exp_annotations: {
        ...text('RoundhouseCapacityLow'),
        summary: text('RoundhouseCapacityLow')?.summary.replace(ROOM, 'a has room for 1'),
      },
    }
    const file = join(folder, 'tests.json')
    const series = { max_replicas: '20+0x60', live_engines: '19+0x60', free_engines: '0+0x60' }
    const input_series = Object.entries(series).map(([name, value]) => ({
      ...{ series: `roundhouse_${name}{instance="a"}`, values: value },
    }))
    const alert_rule_test = [
      ...[at('30s', 'RoundhouseDown', []), at('2m', 'RoundhouseDown', [down])],
      ...[at('4m', 'RoundhouseCapacityLow', []), at('6m', 'RoundhouseCapacityLow', [low])],
    ]
    const tests = [{ interval: '15s', input_series, alert_rule_test }]
    await Bun.write(file, JSON.stringify({ rule_files: [ALERTS_FILE], evaluation_interval: '15s', tests }))
    expect(await promtool(['test', 'rules', file])).toMatchObject({ code: 0 })
  })

  test('every alert has a severity, and a summary that says what to do', () => {
    for (const { alert, labels, annotations } of rules) {
      expect([alert, labels.severity]).toEqual([alert, expect.stringMatching(/^(critical|warning)$/)])
      expect([alert, annotations.summary]).toEqual([
        alert,
        expect.stringMatching(/: [a-z].{20,}\.$|, and .{20,}\.$/),
      ])
    }
  })

  test('the dashboard has what Grafana wants of one', async () => {
    const { uid, title, schemaVersion, panels, templating } = await dashboard()
    expect([uid, title]).toEqual(['roundhouse', 'Roundhouse'])
    // Grafana 10.0 has schema version 38, and later versions accept older ones.
    expect(schemaVersion).toBe(38)
    expect(templating.list).toMatchObject([
      { name: 'datasource', type: 'datasource', query: 'prometheus' },
      {},
    ])
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length)
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, at) => [x + (at % w), y + Math.floor(at / w)] as const),
    )
    expect(Math.max(...cells.map(([x]) => x))).toBe(23)
    expect(new Set(cells.map(String)).size).toBe(cells.length)
    const drawn = panels.filter(({ type }) => type !== 'row')
    expect(drawn.length).toBeGreaterThan(20)
    for (const { title: name, datasource, targets = [] } of drawn) {
      expect([name, targets.length > 0]).toEqual([name, true])
      expect([name, new Set(targets.map(({ refId }) => refId)).size]).toEqual([name, targets.length])
      const asked = new Set(
        [datasource, ...targets.map((target) => target.datasource)].map((each) => each?.uid),
      )
      // biome-ignore lint/suspicious/noTemplateCurlyInString: it is Grafana that puts the value in.
      expect([name, [...asked]]).toEqual([name, ['${datasource}']])
    }
  })

  test('every metric that the alerts and the dashboard name is in the exposition', async () => {
    const names = new Set([...namesIn(await expositionOf(behindVpn.server)), 'up'])
    const { panels } = await dashboard()
    const asked = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => asAsked(expr)))
    const wanted = [...asked, ...rules.map(({ expr }) => expr)].flatMap(metricsIn)
    expect(wanted.length).toBeGreaterThan(60)
    expect([...new Set(wanted)].filter((name) => !names.has(name))).toEqual([])
  })

  test('every metric of the exposition that is about the service is on the dashboard or in an alert', async () => {
    const { panels } = await dashboard()
    const text = JSON.stringify([panels, rules])
    const unseen = [...namesIn(await expositionOf(behindVpn.server))].filter(
      (name) => /^(orch|roundhouse)_/.test(name) && !text.includes(name.replace(/_(bucket|sum|count)$/, '')),
    )
    expect(unseen).toEqual(['roundhouse_build_info'])
  })

  test('Prometheus understands every expression of the dashboard, and evaluates every rule', async () => {
    const { panels } = await dashboard()
    for (const { targets = [] } of panels)
      for (const { expr } of targets) await prometheus.query(asAsked(expr))
    await until('all rules were evaluated', async () =>
      (await prometheus.rules()).every(({ health }) => health === 'ok'),
    )
    expect((await prometheus.rules()).map(({ name }) => name)).toEqual(rules.map(({ alert }) => alert))
  })

  test('the names of our own metrics are what promtool holds for good ones', async () => {
    const { output } = await promtool(['check', 'metrics'], await expositionOf(servers.broken))
    // Metrics that keep the earlier orchestrator's names are exempt.
    expect(output.split('\n').filter((line) => line.startsWith('roundhouse_'))).toEqual([])
  })
})

const expositionOf = async (server: TestServer): Promise<string> =>
  (await fetch(`${server.url}/metrics`)).text()

describe('an alert fires', () => {
  test('when a viewer has the last engine, when that one hangs, without Docker, and without us', async () => {
    const { fleet } = servers
    const engine: FleetRow = first(await untilReady(fleet, 1))
    await untilQuiet(fleet, 'roundhouse_free_engines == 1')
    await mustFire('RoundhouseCapacityLow', fleet, async () => {
      const viewer = await startViewing(fleet, engine, 'viewer')
      cleanUps.push(() => viewer.leave())
    })
    // The session of the engine still moves bytes, so the engine is kept for its viewer.
    await mustFire('RoundhouseEngineUnhealthy', fleet, async () =>
      (await emulatorOf(sites[0].docker, engine.container_id)).setFaults({ hang: ['status'] }),
    )
    await mustFire('RoundhouseDockerUnreachable', fleet, async () => proxy.cut())
    const holder = new Database(fleet.databasePath)
    await mustFire('RoundhouseStorageRefusesWrites', fleet, async () => {
      holder.run('BEGIN IMMEDIATE')
      await reportStarted(fleet, engine, 'reported')
    })
    holder.close()
    await mustFire('RoundhouseDown', fleet, () => fleet.end())
  })

  test('when the VPN is down', async () => {
    const { gluetun, server } = behindVpn
    await untilNode(server, 'up')
    await untilQuiet(server, 'orch_vpn_health{state="healthy"} == 1')
    expect(await firing('RoundhouseVpnNodeDown', server)).toEqual([])
    await mustFire('RoundhouseVpnDown', server, () => gluetun.faults({ health: 'unhealthy' }))
    tried.add('RoundhouseVpnNodeDown')
    const [{ metric }] = [first(await firing('RoundhouseVpnNodeDown', server))]
    expect(metric).toMatchObject({ node: gluetun.options.name, state: 'down' })
  })

  test('when engines cannot be started, and when those that are end at once', async () => {
    const { broken } = servers
    const failures = await mustFire('RoundhouseProvisioningFailures', broken, async () => {
      const body = { image: MISSING_IMAGE }
      for (let time = 0; time < 3; time++)
        expect(await provision(broken, { body })).toMatchObject({ kind: 'refused' })
    })
    expect(failures.map(({ metric }) => metric.code)).toEqual(['image_missing'])
    const open = await mustFire('RoundhouseBreakerOpen', broken, async () =>
      expect(await provision(broken)).toMatchObject({ kind: 'engine' }),
    )
    expect(open.map(({ metric }) => metric.breaker)).toEqual(['general'])
  })

  test('when the events of a proxy are refused', async () => {
    const { shut } = servers
    await untilQuiet(shut, 'roundhouse_events_refused_total{status="403"} == 0')
    const series = await mustFire('RoundhouseEventsRefused', shut, async () => {
      const headers = { authorization: 'Bearer another-key' }
      expect((await shut.post('/events/stream_started', {}, { headers })).status).toBe(403)
    })
    expect(series.map(({ metric }) => metric.status)).toEqual(['403'])
  })

  test('when a container of another installation is there', async () => {
    const { broken } = servers
    const [, { docker, image }] = sites
    const series = await mustFire('RoundhouseWarning', broken, () =>
      docker.client.createContainer({
        Image: image,
        Labels: { [docker.label.key]: docker.label.value, 'roundhouse.installation': 'another' },
      }),
    )
    expect(series.map(({ metric }) => metric.code)).toEqual(['other_installation'])
  })

  test('each of them was seen', () => {
    expect([...tried].toSorted()).toEqual(rules.map(({ alert }) => alert).toSorted())
  })
})

/** Waits until a scrape shows that a server is well. */
const untilQuiet = (server: TestServer, expr: string) =>
  until(`${expr} at ${instanceOf(server)}`, async () =>
    (await prometheus.query(expr)).find(({ metric }) => metric.instance === instanceOf(server)),
  )

test('a server that protects its reads is scraped with the key, and not without it', async () => {
  const up = async (job: string) => {
    const series = await prometheus.query(`up{job="${job}",instance="${instanceOf(servers.shut)}"}`)
    return series.map(({ value }) => value)
  }
  await until('it was scraped with the key', async () => (await up('with_key')).at(0) === 1)
  await until('it was asked without', async () => (await up('roundhouse')).at(0) === 0)
  const answer = await fetch(`${servers.shut.url}/metrics`)
  expect(answer.status).toBe(401)
})
