/** The files of `deploy/`, read as their users load them. */

import { join } from 'node:path'

const DEPLOY = join(import.meta.dir, '../../deploy')
export const ALERTS_FILE = join(DEPLOY, 'prometheus/alerts.yml')
export const SCRAPE_FILE = join(DEPLOY, 'prometheus/prometheus.yml')

export interface AlertRule {
  readonly alert: string
  readonly expr: string
  readonly labels: { readonly severity: string }
  readonly annotations: { readonly summary: string; readonly description?: string }
}

interface Panel {
  readonly id: number
  readonly type: string
  readonly title: string
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number }
  readonly datasource?: { readonly uid: string }
  readonly targets?: readonly {
    readonly refId: string
    readonly expr: string
    readonly datasource: { readonly uid: string }
  }[]
}

export interface Dashboard {
  readonly uid: string
  readonly title: string
  readonly schemaVersion: number
  readonly panels: readonly Panel[]
  readonly templating: {
    readonly list: readonly { readonly name: string; readonly type: string; readonly query: unknown }[]
  }
}

export const dashboard = (): Promise<Dashboard> => Bun.file(join(DEPLOY, 'grafana/dashboard.json')).json()

/** All alerts, in order. */
export async function alertRules(): Promise<readonly AlertRule[]> {
  const { groups } = Bun.YAML.parse(await Bun.file(ALERTS_FILE).text()) as {
    groups: { rules: AlertRule[] }[]
  }
  return groups.flatMap(({ rules }) => rules)
}

/**
 * The job of `prometheus.yml`, once unchanged and once with the lines about the key uncommented. `keyFile` is the key's
 * file.
 */
export async function scrapeJobs(
  keyFile: string,
): Promise<{ readonly open: ScrapeJob; readonly withKey: ScrapeJob }> {
  const text = await Bun.file(SCRAPE_FILE).text()
  const uncommented = text
    .replaceAll(/^(\s*)# (authorization:| {2}credentials_file: .*)$/gm, '$1$2')
    .replace(/credentials_file: .*/, `credentials_file: ${keyFile}`)
  return { open: jobOf(text), withKey: jobOf(uncommented) }
}

export interface ScrapeJob {
  readonly job_name: string
  readonly authorization?: { readonly credentials_file: string }
}

function jobOf(text: string): ScrapeJob {
  const { scrape_configs } = Bun.YAML.parse(text) as { scrape_configs: ScrapeJob[] }
  const [job] = scrape_configs
  if (job === undefined) throw new Error('prometheus.yml has no job')
  return job
}

/** Replaces the variables that Grafana fills in when it queries. */
export const asAsked = (expr: string): string =>
  expr.replaceAll('$__rate_interval', '1m').replaceAll('$instance', '.*')

/** Words in an expression that are not names of metrics. Functions are recognised by their bracket. */
const WORDS = new Set([
  'and',
  'or',
  'unless',
  'by',
  'without',
  'on',
  'ignoring',
  'group_left',
  'group_right',
  'bool',
  'offset',
])

/** The names of the metrics in a PromQL expression. */
export function metricsIn(expr: string): string[] {
  const bare = expr
    .replaceAll(/"[^"]*"/g, '')
    .replaceAll(/\{[^}]*\}|\[[^\]]*\]/g, ' ')
    .replaceAll(/\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)/g, ' ')
  return [...bare.matchAll(/[a-zA-Z_:][\w:]*(?!\w*\s*\()/g)]
    .map(([name]) => name)
    .filter((name) => !WORDS.has(name))
}

/** The names in an exposition: those of its series, and of metrics that have no series yet. */
export function namesIn(exposition: string): ReadonlySet<string> {
  const lines = exposition.split('\n')
  const types = lines.flatMap((line) => /^# TYPE (\S+) (?:counter|gauge)$/.exec(line)?.[1] ?? [])
  const series = lines.flatMap((line) => /^([a-zA-Z_:][\w:]*)/.exec(line)?.[1] ?? [])
  return new Set([...types, ...series])
}
