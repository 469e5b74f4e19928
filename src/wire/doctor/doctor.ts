import type { DatabaseFacts } from '../../cli/doctor/database.ts'
import { examine, type Facts } from '../../cli/doctor/doctor.ts'
import type { Row } from '../../cli/doctor/row.ts'
import { keyWarnings } from '../../cli/doctor/settings.ts'
import type { Config, LoadedConfig } from '../../config/config.ts'
import { certificatesOf } from '../../config/docker-tls.ts'
import { publishAddressOf, publishedHost } from '../../config/publishing.ts'
import { secretsOf } from '../../config/secrets.ts'
import { ownNetwork } from '../../core/containers/own-place.ts'
import { knownMask } from '../../core/secrets.ts'
import { ask } from '../../lib/ask.ts'
import { createDockerRuntime, DEFAULT_DEADLINES_MS, DEFAULT_LOG_LIMITS } from '../../runtime/docker.ts'
import { createDockerSurvey } from '../../runtime/docker-survey.ts'
import { openReadOnly, orderIn, ownRows } from '../../store/read-only.ts'
import { runtimeOf } from '../runtime.ts'
import { databaseFacts } from './database-facts.ts'
import {
  asked,
  clockFact,
  type DockerDeps,
  dockerFacts,
  imageFacts,
  networkFact,
  selfFact,
} from './docker-facts.ts'
import { gluetunFacts } from './gluetun-facts.ts'
import { appPortState, listeningPorts, publishedPorts, publishedRanges } from './port-facts.ts'
import { serverWord } from './server-facts.ts'
import { ownContainer, type Surroundings } from './surroundings.ts'

/** How long one question to Docker may take, and how long the server. No more than two questions follow each other. */
const QUESTION_MS = 4_000
const SERVER_MS = 1_500
/** All questions have ended by then. */
const ALL_MS = 8_000

/** Finds out everything at once, changing nothing, and judges it. `healthUrl` is where the server would answer. */
export async function diagnose(
  loaded: LoadedConfig,
  healthUrl: string,
  around: Surroundings,
): Promise<readonly Row[]> {
  const config = 'problems' in loaded ? loaded.rest : loaded.config
  const rows = examine(await factsOf({ loaded, config, healthUrl }, around))
  // What others answered may quote what they were sent.
  const mask = knownMask(secretsOf(config))
  return rows.map((row) => ({ ...row, message: mask(row.message), remedy: row.remedy && mask(row.remedy) }))
}

interface Subject {
  readonly loaded: LoadedConfig
  readonly config: Config
  readonly healthUrl: string
}

async function factsOf({ loaded, config, healthUrl }: Subject, around: Surroundings): Promise<Facts> {
  const deps = dockerDepsOf(config, around)
  const signal = AbortSignal.timeout(ALL_MS)
  const answering = isAnswering(healthUrl)
  const saying = serverWord(healthUrl, AbortSignal.timeout(SERVER_MS))
  const asking = Promise.all([
    dockerFacts(deps, config),
    imageFacts(deps, config),
    networkFacts(deps, config.DOCKER_NETWORK),
    gluetunFacts(deps, config, signal),
    clockFact(deps),
    asked(deps.survey.running()),
    swarmFacts(config),
  ])
  const own = databaseFacts(config.DB_URL.path, around)
  // Any program may answer with 200 there; a server of ours holds the lock besides.
  const answers = (await answering) && own.lock !== 'free'
  const [docker, image, joined, nodes, clock, running, swarm] = await asking
  const { self } = joined
  const remoteHost = remoteHostOf(config.DOCKER_HOST)
  const isHostSeen = self.kind === 'answer' ? self.value.kind === 'host' : ownContainer(around) === null
  return {
    ...{ loaded, docker, image, clock },
    ports: {
      ranges: publishedRanges(config),
      maxReplicas: config.MAX_REPLICAS,
      listening: isHostSeen && remoteHost === null ? listeningPorts(around) : null,
      published: publishedPorts(running, config.CONTAINER_LABEL, saidBy(own, ownRows)),
      app: {
        ...{ address: config.BIND, port: config.APP_PORT, answers },
        state: appPortState(config.BIND, config.APP_PORT),
      },
    },
    network: { ...networkSettingsOf(config), ...joined, remoteHost, nodes: networksOf(nodes) },
    nodes: nodes.map(({ facts }) => facts),
    swarm,
    database: { ...own, answers },
    scale: { minReplicas: config.MIN_REPLICAS, order: saidBy(own, orderIn) },
    server: answers ? await saying : null,
    key: { ...keySettingsOf(config), warnings: keyWarnings(loaded), self },
  }
}

/** Where this process runs, and the network that engines join. Only `auto` makes the second question wait for the first. */
async function networkFacts(deps: DockerDeps, setting: string | null) {
  if (setting !== 'auto') {
    const [self, found] = await Promise.all([selfFact(deps), networkFact(deps, setting)])
    return { network: setting, self, found }
  }
  const self = await selfFact(deps)
  const network = self.kind === 'answer' ? ownNetwork(self.value) : null
  return { network, self, found: await networkFact(deps, network) }
}

/** What the swarm says of its nodes; null without a swarm. */
async function swarmFacts(config: Config): Promise<Facts['swarm']> {
  const { hosts } = runtimeOf(config)
  if (hosts === null) return null
  const { SWARM_CONSTRAINTS: constraints, SWARM_POST_NODE: callersHost } = config
  return { hosts: await asked(hosts.list(AbortSignal.timeout(QUESTION_MS))), constraints, callersHost }
}

function dockerDepsOf(config: Config, around: Surroundings): DockerDeps {
  const { DOCKER_HOST: dockerHost, CONTAINER_LABEL: label } = config
  const where = { dockerHost, certificates: certificatesOf(config) }
  const deadlinesMs = { ...DEFAULT_DEADLINES_MS, inspect: QUESTION_MS }
  const runtime = createDockerRuntime({ ...where, label, deadlinesMs, logs: DEFAULT_LOG_LIMITS })
  return { runtime, survey: createDockerSurvey(where, QUESTION_MS), around }
}

async function isAnswering(url: string): Promise<boolean> {
  try {
    return (await ask(url, { signal: AbortSignal.timeout(SERVER_MS) })).status === 200
  } catch {
    return false
  }
}

/** What a sound database of ours says; null if it can't be told. */
function saidBy<T>(
  { path, content }: Omit<DatabaseFacts, 'answers'>,
  read: (client: ReturnType<typeof openReadOnly>) => T,
): T | null {
  if (content?.kind !== 'read' || content.schema === 'none' || content.damage !== null) return null
  const client = openReadOnly(path)
  try {
    return read(client)
  } catch {
    return null
  } finally {
    client.close()
  }
}

/** The Docker host, if it is reached by a name or address that is not this machine's. */
function remoteHostOf(dockerHost: string | null): string | null {
  const host = publishedHost(dockerHost)
  return host === 'localhost' || host.startsWith('127.') ? null : host
}

const networkSettingsOf = (config: Config) => ({
  isAuto: config.DOCKER_NETWORK === 'auto',
  publishAddress: publishAddressOf(config),
  isVpn: config.GLUETUN_CONTAINER_NAME.length > 0,
  advertise: config.ENGINE_ADVERTISE,
  advertiseHost: config.ADVERTISE_HOST,
})

const networksOf = (nodes: Awaited<ReturnType<typeof gluetunFacts>>) =>
  nodes.flatMap(({ facts: { name }, networks }) => (networks === null ? [] : [{ name, networks }]))

const keySettingsOf = ({ API_KEY: keys, BIND: bind, ALLOW_NO_KEY: allowsNoKey }: Config) => ({
  ...{ keys: keys.length, bind, allowsNoKey },
})
