import { Type } from '@sinclair/typebox'
import { PLAN_RULES } from '../core/plan/fleet-snapshot.ts'
import { REFUSAL_CODES } from '../core/provisioning/refusal.ts'
import { WARNING_CODES } from '../core/reporting/warnings.ts'
import { HOST_WORDS } from '../core/views/status.ts'
import {
  ContainerId,
  Count,
  EngineStatus,
  Flag,
  HealthWord,
  Nullable,
  NullablePort,
  NullableText,
  NullableTime,
  Port,
  Seconds,
  Text,
  Time,
  WordOf,
} from './schemas.ts'

/* The shapes of the answers about the whole: the status, the plan, the VPN and the health. */

/** What a refused provision means to its caller, with the members that acexy decodes. */
export const hints = {
  recovery_eta_seconds: Nullable(
    Type.Integer(),
    'Seconds until it is worth asking again; null if that is not known, or waiting does not help',
  ),
  should_wait: Flag('Whether waiting helps'),
  can_retry: Flag('The same as `should_wait`, as some versions of acexy read this one'),
}

const Refusal = Type.Object(
  {
    code: WordOf(REFUSAL_CODES, 'Why, for programs'),
    message: Text('Why, for people'),
    ...hints,
  },
  { title: 'Refusal', description: 'Why a provision would be refused' },
)

const BreakerState = (description: string) =>
  Type.Union([Type.Literal('closed'), Type.Literal('open'), Type.Literal('half_open')], { description })

const VpnSummary = Type.Object(
  {
    enabled: Flag('Whether a VPN is configured'),
    connected: Flag('Whether a node of it is up'),
    health: Text('The verdict on it, in the words of a health check'),
    container: NullableText('Name of the first node that is up, or else of the first; null without a VPN'),
    forwarded_port: NullablePort('The port that the node forwards; null if it forwards none'),
    nodes: Type.Optional(
      Type.Array(
        Type.Object(
          {
            container: Text('Name of its container'),
            connected: Flag('Whether it is up'),
            health: Text('The verdict on it, in the words of a health check'),
            forwarded_port: NullablePort('The port that it forwards; null if it forwards none'),
            since: Time('Since when the verdict holds'),
            reason: NullableText('Why it is not up'),
          },
          { title: 'VpnNodeSummary', description: 'A node of the VPN, in short' },
        ),
        { description: 'Each node, if there are several' },
      ),
    ),
  },
  { title: 'VpnSummary', description: 'The VPN, in short' },
)

const Provisioning = Type.Object(
  {
    can_provision: Flag('Whether an engine would be started now'),
    circuit_breaker_state: BreakerState('State of the circuit breaker `general`'),
    last_failure: NullableTime('When an engine last failed by its own fault'),
    last_failure_reason: NullableText('Why that engine failed, and what to do'),
    blocked_reason: NullableText('Why an engine would be refused now, in short; null if it would be started'),
    blocked_reason_details: Nullable(Refusal, 'The same in full, with the honest time'),
  },
  { title: 'Provisioning', description: 'Whether an engine would be started now, and if not, why' },
)

const Image = Type.Object(
  {
    state: Type.Union(
      [Type.Literal('unknown'), Type.Literal('present'), Type.Literal('missing'), Type.Literal('pulling')],
      { description: 'Whether it is on this Docker host; `unknown` until somebody could look' },
    ),
    pull_error: NullableText('Why its last pull failed; null if none did, and while it is here'),
    pull: Nullable(
      Type.Object(
        {
          since: Time('When it began'),
          eta_seconds: Seconds('When it is likely to end, in seconds from now'),
          layers_done: Count('Layers that are here'),
          layers: Count('All layers, as far as they are known'),
          current_bytes: Count('Bytes that have come'),
          total_bytes: Count('Bytes of the layers that have begun to come'),
        },
        { title: 'ImagePull', description: 'How far a pull is; told at most once a second' },
      ),
      'The pull that is under way, also of a newer image while one is here; null if there is none',
    ),
  },
  { title: 'Image', description: 'The image that engines are started from' },
)

const Warning = Type.Object(
  {
    code: WordOf(WARNING_CODES, 'What it is about, for programs'),
    message: Text('What was observed'),
    since: Time('Since when it is in force'),
    remedy: Text('What to do about it'),
  },
  { title: 'Warning', description: 'Something that users should be told about the installation' },
)

const HeardProxy = Type.Object(
  {
    address: Text('Address that its requests come from'),
    container: NullableText(
      'Name of the container that has this address; null if none that Docker knows has it, or that is not known',
    ),
    networks: Type.Array(Text('Name of a network'), { description: 'Networks of that container' }),
    last_heard: Time('When it last sent a request from there'),
  },
  { title: 'HeardProxy', description: 'A proxy that sent a request, by its address' },
)

const Host = Type.Object(
  {
    name: Text('Its hostname'),
    address: NullableText('Its address in the swarm; null if it has none'),
    state: WordOf(
      HOST_WORDS,
      '`paused`: it takes no further engines. `drained`: its operator empties it. `lost`: it does not answer the swarm',
    ),
    engines: Count('Live engines on it'),
    free: Count('Those of them without a started stream'),
  },
  { title: 'Host', description: 'A node of the swarm' },
)

export const OrchestratorStatus = Type.Object(
  {
    status: Type.Union([Type.Literal('healthy'), Type.Literal('degraded'), Type.Literal('unavailable')], {
      description:
        'The state of the whole; `degraded` too while no engine is reached; `unavailable`: no engine runs, and none can be started',
    }),
    engines: Type.Object(
      {
        total: Count('Live engines'),
        running: Count('Engines whose container runs'),
        healthy: Count('Healthy engines'),
        unhealthy: Count('Unhealthy engines'),
      },
      { title: 'EngineNumbers', description: 'How many engines there are' },
    ),
    streams: Type.Object(
      { active: Count('Streams that are started now'), total: Count('Streams in the books') },
      { title: 'StreamNumbers', description: 'How many streams there are' },
    ),
    capacity: Type.Object(
      {
        total: Count('Live engines'),
        used: Count('Started streams on them'),
        available: Type.Integer({
          description: '`total` less `used`; negative if engines serve more than one stream each',
        }),
        max_replicas: Count('The most engines that are started'),
        min_replicas: Count('The number of engines that is kept at least'),
      },
      { title: 'Capacity', description: 'How much of the fleet is used' },
    ),
    vpn: VpnSummary,
    provisioning: Provisioning,
    config: Type.Object(
      {
        auto_delete: Flag('Whether idle engines are removed'),
        grace_period_s: Seconds('How long an engine stays idle before it is removed, in seconds'),
        target_image: Text('The image that engines are started from'),
      },
      { title: 'Configuration', description: 'The settings that proxies may want to know' },
    ),
    image: Image,
    hosts: Type.Array(Host, { description: 'The nodes of the swarm; empty on a single Docker Engine' }),
    proxies: Type.Object(
      {
        last_heard: NullableTime(
          'When acexy, or another proxy that reports streams, last sent a request; null if none did since the start',
        ),
        heard: Type.Array(HeardProxy, {
          description: 'From where, within the last hour; at most eight addresses, the newest first',
        }),
      },
      { title: 'ProxyContact', description: 'What is heard of proxies' },
    ),
    warnings: Type.Array(Warning, { description: 'All that users should be told' }),
    timestamp: Time('When this was asked, by the clock of the server'),
    version: Text('Version of Roundhouse'),
  },
  { title: 'Status', description: 'The state of the fleet' },
)

const PlannedAction = Type.Object(
  {
    action: Type.Union(
      [
        Type.Literal('provision'),
        Type.Literal('replace'),
        Type.Literal('make_room'),
        Type.Literal('drain'),
        Type.Literal('recall'),
        Type.Literal('stop'),
        Type.Literal('fail'),
        Type.Literal('revive'),
        Type.Literal('restart'),
        Type.Literal('recreate'),
        Type.Literal('halt'),
      ],
      { description: 'What would be done' },
    ),
    rule: WordOf(PLAN_RULES, 'The rule that asks for it'),
    reason: Text('Why, in words'),
    engine_id: NullableText('The engine that it is done to; null for a new one'),
    container_id: ContainerId(),
    container_name: NullableText('Name of its container; null for a new engine'),
  },
  { title: 'PlannedAction', description: 'One step towards what is wanted' },
)

export const PlanReport = Type.Object(
  {
    wanted: Count('Engines that are wanted'),
    serving: Count('Engines that count towards that number'),
    busy: Count('Engines with viewers among them'),
    expected: Count('Engines on which a stream is expected that is not reported yet'),
    actions: Type.Array(PlannedAction, { description: 'What would be done now, in this order' }),
    waits: Type.Array(Type.String({ description: 'A sentence' }), {
      description: 'Why something that is wanted is not done now',
    }),
    next_look: NullableTime('When time alone changes the plan; null if it does not'),
    override: Nullable(
      Type.Object(
        {
          min_replicas: Count('The setting `MIN_REPLICAS`'),
          scaled_to: Count('The number of engines that is kept in its place'),
          at: Time('When that was ordered'),
          message: Text('The same in a sentence'),
        },
        { title: 'ScaleOverride', description: 'An order of an operator in the place of a setting' },
      ),
      'The `POST /scale/{demand}` that overrides `MIN_REPLICAS`; null if none does',
    ),
  },
  { title: 'Plan', description: 'What the reconciler would do now, and why' },
)

export const Scaled = Type.Object(
  {
    scaled_to: Count('What was asked for, within MAX_REPLICAS'),
    requested: Count('What was asked for'),
  },
  { title: 'Scaled', description: 'The number of engines that is kept from now on' },
)

export const Unscaled = Type.Object(
  {
    updated: Flag('False when there was no order to undo'),
    min_replicas: Count('The number of engines that is kept from now on: `MIN_REPLICAS`'),
  },
  { title: 'Unscaled', description: 'What is kept without an order of an operator' },
)

export const Passed = Type.Object(
  {
    status: Type.Literal('ok', { description: 'Always `ok`' }),
    containers: Count('Containers of ours that Docker has'),
    adopted: Count('Engines found running without a row, that have one now'),
    reaped: Count('Containers removed that nothing needs'),
    finished: Count('Provisions cut off that were completed'),
    undone: Count('Provisions cut off that were undone'),
    gone: Count('Engines whose container is no more'),
  },
  { title: 'FullPass', description: 'What the full pass found' },
)

/** Where the exit of a VPN is, as far as Gluetun knows. */
const exit = {
  public_ip: NullableText('Address of its exit, as its control server says; null if it is not known'),
  country: NullableText('Country of its exit'),
  region: NullableText('Region of its exit'),
  city: NullableText('City of its exit'),
}

const VpnHealth = () =>
  Type.Union(
    [Type.Literal('healthy'), Type.Literal('unhealthy'), Type.Literal('starting'), Type.Literal('unknown')],
    { description: 'The verdict on it, in the words of a health check' },
  )

const ForwardedPorts = () =>
  Type.Array(Port('A port'), { description: 'All ports that it forwards; empty if it forwards none' })

const VpnNode = Type.Object(
  {
    container: Text('Name of its container'),
    state: Type.Union([Type.Literal('up'), Type.Literal('down'), Type.Literal('unknown')], {
      description: 'The verdict on it',
    }),
    connected: Flag('Whether it is up'),
    since: NullableTime('Since when the verdict holds'),
    reason: NullableText('Why it is not up'),
    status: Text("The state of its container, 'missing' or 'unknown'"),
    health: VpnHealth(),
    docker_health: NullableText("Docker's health check of it; null without one"),
    docker_health_text: NullableText('What that health check said last'),
    control: Type.Union([Type.Literal('gluetun'), Type.Literal('none')], {
      description: 'Whose control server it has (VPN_CONTROL); `none`: none is asked',
    }),
    vpn_status: NullableText("Gluetun's own word on its VPN"),
    control_problem: NullableText('What its control server does not tell, and the remedy'),
    forwarded_port: NullablePort('The port that it forwards, the first of several; null if it forwards none'),
    forwarded_ports: ForwardedPorts(),
    no_port_since: NullableTime(
      'Since when its control server says that no port is forwarded; null while it does not say so',
    ),
    unpublished_ports: Type.Union([Type.Array(Text('A range, as `19002-19019`')), Type.Null()], {
      description:
        'The ranges of its GLUETUN_PORT_RANGE that its container does not publish under their own numbers; null if not known',
    }),
    ...exit,
    engines: Count('Live engines in its network'),
    last_check: NullableTime('When its container was last looked at'),
    last_control_check: NullableTime('When its control server last answered'),
    last_port_check: NullableTime('When its control server last told the forwarded port'),
    streams_moved: NullableTime(
      'When a stream behind it last moved, also one that has ended; null if none has since anything but its health check was wrong',
    ),
    engines_say: Nullable(
      Type.Object(
        {
          connected: Count('Engines that say that they are connected'),
          asked: Count('Engines that said anything lately'),
          last_heard: Time('When one said so last'),
        },
        { title: 'EnginesWord', description: 'What the engines of a node say of their connection' },
      ),
      'What its engines say of their connection to the outside; null if none that was connected said anything lately',
    ),
  },
  { title: 'VpnNode', description: 'A VPN container whose network engines share' },
)

export const VpnStatus = Type.Object(
  {
    enabled: Flag('Whether a VPN is configured'),
    status: Text("The state of the node's container, `missing`, `unknown`, or `disabled` without a VPN"),
    container_name: NullableText(
      'Name of the first node that is up, or else of the first; null without a VPN',
    ),
    container: NullableText('The same as `container_name`'),
    health: VpnHealth(),
    connected: Flag('Whether a node is up'),
    forwarded_port: NullablePort(
      'The port that the node forwards, the first of several; null if it forwards none',
    ),
    forwarded_ports: ForwardedPorts(),
    last_check: NullableTime("When the node's container was last looked at"),
    last_check_at: NullableTime('The same as `last_check`'),
    check_interval_s: Seconds('How often each node is looked at, in seconds'),
    ...exit,
    error: Type.Optional(Text('Why no node is up; missing if one is')),
    nodes: Type.Array(VpnNode, { description: 'All nodes' }),
  },
  { title: 'Vpn', description: 'The state of the VPN; with several nodes, first that of the best one' },
)

const Breaker = Type.Object(
  {
    state: BreakerState('`open`: it refuses starts; `half_open`: it lets one engine through, the trial'),
    failure_count: Count('Failed starts in a row'),
    failure_threshold: Count('Failed starts in a row that open it'),
    last_failure_time: NullableTime('When a start last failed'),
    last_success_time: NullableTime('When an engine last became ready'),
    next_try: NullableTime('When it lets a trial through; null unless it is open'),
    trial_engine_id: NullableText('The engine that is the trial; null if there is none'),
    recovery_timeout: Seconds('How long it stays open, in seconds'),
    last_faults: Type.Array(
      Type.Object(
        {
          at: Time('When it failed'),
          engine_id: NullableText('The engine that failed'),
          container_name: NullableText('Name of its container, as long as that is known'),
          reason: Text('Why it failed, and what to do'),
        },
        { title: 'BreakerFault', description: 'An engine that failed by its own fault before it was ready' },
      ),
      { description: 'The last five that it counted, newest first, as far as the journal has them' },
    ),
  },
  { title: 'Breaker', description: 'A circuit breaker, which refuses starts after several failed in a row' },
)

export const HealthStatusReport = Type.Object(
  {
    total_engines: Count('Live engines'),
    healthy_engines: Count('Healthy engines'),
    unhealthy_engines: Count('Unhealthy engines'),
    marked_for_replacement: Count(
      'Engines that another one replaces, or that drain because they are unhealthy',
    ),
    minimum_required: Count('The number of engines that is kept at least'),
    health_check_interval: Seconds('Time within which every engine is probed once, in seconds'),
    circuit_breakers: Type.Object(
      { general: Breaker, replacement: Breaker },
      { title: 'Breakers', description: 'One for new engines, and one for those that replace others' },
    ),
    engines: Type.Array(
      Type.Object(
        {
          container_id: ContainerId(),
          container_name: Text('Name of its container'),
          status: EngineStatus(),
          health_status: HealthWord('The verdict on its answers'),
          since: NullableTime('Since when the verdict holds; null before the first probe'),
          last_check: NullableTime('When it was last probed; null if it never was'),
          consecutive_failures: Count('Failed probes in a row'),
          last_error: NullableText('What was wrong with the last failed probe; null if it answers'),
          connected: Nullable(
            Type.Boolean(),
            'What it says of its connection to the outside; null if it did not say',
          ),
        },
        { title: 'EngineHealth', description: 'The verdict on one engine' },
      ),
      { description: 'All live engines' },
    ),
  },
  { title: 'Health', description: 'The health of the engines' },
)
