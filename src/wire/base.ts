import type { Config } from '../config/config.ts'
import { publishAddressOf, publishedHost } from '../config/publishing.ts'
import { Installation } from '../control/containers/installation.ts'
import { OwnPlaces, type OwnSurroundings } from '../control/containers/own-places.ts'
import { Addresses } from '../control/engines/addresses.ts'
import { FleetRows } from '../control/engines/fleet-rows.ts'
import { BootFacts } from '../control/facts/boot-facts.ts'
import { ConnectionFacts } from '../control/facts/connection-facts.ts'
import { ExpectedStreams } from '../control/facts/expected-streams.ts'
import { Facts } from '../control/facts/facts.ts'
import { HostFacts } from '../control/facts/host-facts.ts'
import { ImageFacts } from '../control/facts/image-facts.ts'
import { InHand } from '../control/facts/in-hand.ts'
import { LookQueue } from '../control/facts/look-queue.ts'
import { PlaybackFacts } from '../control/facts/playback-facts.ts'
import { ReachFacts } from '../control/facts/reach-facts.ts'
import { SessionFacts } from '../control/facts/session-facts.ts'
import { UsageFacts } from '../control/facts/usage-facts.ts'
import type { HealthSource } from '../control/health/health-source.ts'
import type { ClientConnections } from '../control/housekeeping/descriptor-watch.ts'
import { Admission } from '../control/provisioning/admission.ts'
import { HostPlaces } from '../control/provisioning/host-places.ts'
import type { Checkpoint } from '../control/provisioning/launcher.ts'
import { Placer } from '../control/provisioning/placer.ts'
import { PortBook } from '../control/provisioning/port-book.ts'
import { CutOffProxies } from '../control/proxies/cut-off-proxies.ts'
import { FreeEngines } from '../control/proxies/free-engines.ts'
import { Listings } from '../control/proxies/listings.ts'
import { ProxyContacts } from '../control/proxies/proxy-contacts.ts'
import { ProxyWatch } from '../control/proxies/proxy-watch.ts'
import { createEdge } from '../control/reporting/error-edge.ts'
import { RefusedEvents } from '../control/reporting/refused-events.ts'
import { RequestLog } from '../control/reporting/request-log.ts'
import { Sparing } from '../control/reporting/sparing.ts'
import { Story } from '../control/reporting/story.ts'
import { Warnings } from '../control/reporting/warnings.ts'
import { PlaybackWatch } from '../control/streams/playback-watch.ts'
import { ReachWatch } from '../control/streams/reach-watch.ts'
import { Statistics } from '../control/streams/statistics.ts'
import { StreamBooks } from '../control/streams/stream-books.ts'
import { StreamEnds } from '../control/streams/stream-ends.ts'
import type { StopSession } from '../control/streams/stream-stops.ts'
import { VpnNodes } from '../control/vpn/vpn-nodes.ts'
import type { VpnSource } from '../control/vpn/vpn-source.ts'
import { isEverywhere } from '../core/host-port.ts'
import type { DatabasePlace } from '../core/reporting/database-place.ts'
import type { StartFindings } from '../core/reporting/start-report.ts'
import type { PanelFiles } from '../http/panel.ts'
import type { Clock } from '../lib/clock.ts'
import type { Descriptors } from '../lib/descriptors.ts'
import type { OnError } from '../lib/guard.ts'
import type { Log } from '../lib/log.ts'
import type { Counters } from '../metrics/counters.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { CommitGroup } from '../store/commit-group.ts'
import type { Store } from '../store/store.ts'
import {
  admissionSettingsOf,
  type History,
  hostSettingsOf,
  ownPlaceSettingsOf,
  statisticsSettingsOf,
  streamsPerEngineMax,
  templateOf,
  vpnNodesOf,
  vpnSettingsOf,
} from './settings.ts'

/** Everything outside the application; tests and simulations bring their own. */
export interface Adapters {
  readonly store: Store
  readonly database: DatabasePlace
  readonly runtime: Runtime
  readonly health: HealthSource
  readonly vpn: VpnSource
  readonly stopSession: StopSession
  readonly clock: Clock
  /** What this process sees of the container that it runs in. */
  readonly self: OwnSurroundings
  /** The time of the machine's own clock, which anybody may set; in epoch milliseconds. */
  readonly wall: () => number
  /** Null if the system does not report them. */
  readonly descriptors: Descriptors | null
  readonly connections: ClientConnections
  readonly log: Log
  /** Returns a random UUID, a new one at each call. */
  readonly newId: () => string
  /** Returns a random number, uniform in [0, 1). */
  readonly random: () => number
  readonly checkpoint: Checkpoint
  readonly version: string
  /** Reads the files of the page for people. */
  readonly panel: () => Promise<PanelFiles>
  /** Shows what a start has found, once; by default an entry of the log. */
  readonly onReady?: (findings: StartFindings) => void
}

export type Base = ReturnType<typeof baseOf>

/**
 * Builds the components that the others read from: facts, VPN nodes, ports, admission, addresses and streams; and those by
 * which the others request looks and count events.
 */
export function baseOf(
  config: Config,
  adapters: Adapters,
  { counters, history }: { readonly counters: Counters; readonly history: History },
) {
  const { store, clock, log, newId, random } = adapters
  const edge = createEdge(store, log)
  const onError = edge('a listener')
  const facts = new Facts(clock.now(), {
    onError,
    failureThreshold: config.HEALTH_FAILURE_THRESHOLD,
    maxAgeMs: config.HEALTH_CHECK_INTERVAL_S * 3_000,
  })
  const ports = new PortBook({
    host: config.PORT_RANGE_HOST,
    https: config.ACE_HTTPS_RANGE,
    api: config.ACE_API_RANGE,
    p2p: config.ACE_P2P_RANGE,
  })
  const nodes = new VpnNodes(vpnNodesOf(config), { ...vpnSettingsOf(config), onError }, clock.now())
  const hosts = new HostFacts(onError)
  const placer = new Placer({ ports, nodes, hosts: hostPlacesOf(config, adapters, { ports, hosts }) })
  const settings = admissionSettingsOf(config)
  const images = new ImageFacts(onError)
  const warnings = new Warnings({ clock, log, onError })
  const ownPlaces = ownPlacesOf(config, adapters, { warnings, edge })
  const addresses = addressesOf(config, { nodes, facts, ownPlaces })
  const installation = new Installation({
    ...{ store, clock, log, warnings, newId },
    label: config.CONTAINER_LABEL,
    takesOver: config.TAKE_OVER === 'auto',
  })
  const telling = tellingOf({ store, clock, log, warnings, counters, onError: edge('a timer') })
  const streaming = streamingOf({ store, clock, warnings, facts, onError })
  const proxying = proxiesOf(config, { facts, clock, nodes, hosts, warnings, addresses, ...streaming })
  return {
    edge,
    ...streaming,
    ...proxying,
    installation,
    ownPlaces,
    template: templateOf(config, installation.id),
    counters,
    facts,
    boots: new BootFacts(),
    images,
    usage: new UsageFacts(),
    inHand: new InHand(),
    looks: new LookQueue({ clock, random }),
    statistics: new Statistics({
      ...{ store, clock, onError: edge('statistics') },
      ...statisticsSettingsOf(config, history),
    }),
    books: booksOf(config, { store, clock, addresses, ...streaming, ...proxying, ...telling }),
    ends: new StreamEnds(store, counters.streamEnded),
    history,
    warnings,
    ...telling,
    nodes,
    hosts,
    ports,
    placer,
    settings,
    admission: new Admission({ store, clock, facts, placer, nodes, images, settings }),
    addresses,
  }
}

function addressesOf(
  config: Config,
  {
    nodes,
    facts,
    ownPlaces,
  }: { readonly nodes: VpnNodes; readonly facts: Facts; readonly ownPlaces: OwnPlaces },
): Addresses {
  const publishAddress = publishAddressOf(config)
  return new Addresses(
    {
      advertise: config.ENGINE_ADVERTISE,
      advertiseHost: config.ADVERTISE_HOST,
      dockerHost: publishedHost(config.DOCKER_HOST),
      publishAddress,
      ownHost:
        config.ENGINE_RUNTIME === 'swarm' && config.SWARM_PUBLISH === 'host'
          ? { callersHost: config.SWARM_POST_NODE }
          : null,
    },
    (node) => nodes.get(node)?.container?.addresses ?? [],
    // Where we share a network with the engine we need no other way.
    (engine) =>
      ownPlaces.isApart(engine) && isOpen(facts.publishedOn(engine), publishAddress)
        ? ownPlaces.gateways()
        : [],
  )
}

/** Whether a port is published on all addresses of the host, as was seen, or else as new engines publish theirs. */
const isOpen = (seen: ReturnType<Facts['publishedOn']>, publishAddress: string): boolean =>
  seen === null ? isEverywhere(publishAddress) : seen === 'all'

/** Null if the container engine has one host. */
function hostPlacesOf(
  config: Config,
  { runtime }: Adapters,
  deps: { readonly ports: PortBook; readonly hosts: HostFacts },
): HostPlaces | null {
  return runtime.hosts && new HostPlaces({ ...deps, settings: hostSettingsOf(config) })
}

function ownPlacesOf(
  config: Config,
  { runtime, clock, log, self }: Adapters,
  { warnings, edge }: { readonly warnings: Warnings; readonly edge: ReturnType<typeof createEdge> },
): OwnPlaces {
  return new OwnPlaces({
    ...{ clock, runtime, warnings, log, self, ...ownPlaceSettingsOf(config) },
    onError: edge('the watch of our own networks'),
  })
}

function booksOf(
  config: Config,
  deps: Omit<ConstructorParameters<typeof StreamBooks>[0], 'commits' | 'playback' | 'perEngineMax'> & {
    readonly playbackWatch: PlaybackWatch
  },
): StreamBooks {
  const { store, clock, playbackWatch: playback } = deps
  const perEngineMax = streamsPerEngineMax(config)
  return new StreamBooks({ ...deps, commits: new CommitGroup(store, clock), playback, perEngineMax })
}

/** Builds what tells of requests and of streams. */
function tellingOf({
  counters,
  ...deps
}: Pick<Adapters, 'store' | 'clock' | 'log'> & {
  readonly warnings: Warnings
  readonly counters: Counters
  readonly onError: OnError
}) {
  const story = new Story(deps)
  deps.store.onCommit(() => story.catchUp())
  return {
    story,
    requestLog: new RequestLog({ log: deps.log, sparing: new Sparing(deps) }),
    refusedEvents: new RefusedEvents({ ...deps, count: counters.eventRefused }),
  }
}

/** Builds what proxies are told, what they are seen to choose, and whether they reach it. */
function proxiesOf(
  { MAX_STREAMS_PER_ENGINE: perEngineMax, ADVERTISE_HOST: advertiseHost, ENGINE_ADVERTISE: way }: Config,
  deps: {
    readonly facts: Facts
    readonly clock: Clock
    readonly nodes: VpnNodes
    readonly hosts: HostFacts
    readonly warnings: Warnings
    readonly addresses: Addresses
  } & ReturnType<typeof streamingOf>,
) {
  const listings = new Listings(deps)
  const contacts = new ProxyContacts(deps.clock, deps.warnings)
  const cutOff = new CutOffProxies({ ...deps, listings, contacts, isHostAdvertised: way === 'host' })
  const reach = new ReachWatch({ ...deps, cutOff, advertiseHost })
  const proxies = new ProxyWatch({ ...deps, contacts, reach, perEngineMax })
  return { listings, contacts, reach, proxies, freeEngines: new FreeEngines(listings, perEngineMax) }
}

/** Builds what is kept about streams and about the connections of engines, and the watch for engines that play nothing. */
function streamingOf({
  onError,
  ...deps
}: Pick<Adapters, 'store' | 'clock'> & {
  readonly warnings: Warnings
  readonly facts: Facts
  readonly onError: OnError
}) {
  const kept = {
    rows: new FleetRows(deps.store),
    sessions: new SessionFacts(onError),
    connections: new ConnectionFacts(onError),
    playback: new PlaybackFacts(onError),
    expected: new ExpectedStreams(deps.clock, onError),
    outOfReach: new ReachFacts(onError),
  }
  return { ...kept, playbackWatch: new PlaybackWatch({ ...deps, ...kept }) }
}
