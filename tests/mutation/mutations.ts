/** One way to break the code: a piece of text that stands exactly once in a file, and what takes its place. */
export interface Mutation {
  readonly name: string
  readonly file: string
  readonly from: string
  readonly to: string
}

const of = (file: string, list: readonly (readonly [name: string, from: string, to: string])[]): Mutation[] =>
  list.map(([name, from, to]) => ({ name, file: `src/${file}`, from, to }))

/** What the tests or the simulation must see. The texts follow the code; a test says which do not fit any more. */
export const MUTATIONS: readonly Mutation[] = [
  ...of('core/provisioning/admission.ts', [
    ['MAX_REPLICAS is not checked in POST', 'engines < maxReplicas\n', 'engines < maxReplicas + 99\n'],
    ['an unclaimed engine is refused at the cap', 'if (facts.unclaimed) return null', ''],
  ]),
  ...of('core/provisioning/breaker.ts', [
    ['half-open lets everybody through', 'now.trialEngineId === null ? null : TRIAL_ETA_S', 'null'],
    ['a failed trial leaves the breaker half-open', 'const trips = isTrial ||', 'const trips ='],
    ['a success closes nothing', 'return isTrial ? {', 'return now.failures < 0 ? {'],
    ['successes do not count between failures', '{ ...now, failures: 0, lastSuccessAt: nowMs }', 'now'],
    [
      'the place of a trial is never freed',
      '{ ...breaker, trialEngineId: null } : breaker',
      'breaker : breaker',
    ],
  ]),
  ...of('core/engines/cache.ts', [
    ['a cache is emptied at once', 'const IDLE_MS = 5_000', 'const IDLE_MS = 0'],
    ['a cache is emptied under a stream', 'isRunning && startedStreams === 0 &&', 'isRunning &&'],
    ['a cache is emptied under the viewers of an adopted engine', ' && adoptedAt === null\n', '\n'],
    ['a cache is emptied again and again', '(cacheCleanedAt ?? Number.NEGATIVE_INFINITY)', '0'],
    [
      'a cleanup that failed is tried again and again',
      'attempt !== null && isAbout(attempt, engine) ?',
      'attempt !== null && attempt.generation < 0 ?',
    ],
  ]),
  ...of('control/housekeeping/cache-cleaner.ts', [
    [
      'caches are emptied on what is out of date',
      "if (facts.docker().state !== 'reachable' || !facts.watch().isCurrent) return null",
      '',
    ],
    ['Docker away is a failure of the cleanup', "code === 'unreachable' || code === 'not_found'", 'false'],
  ]),
  ...of('core/plan/engine-rules.ts', [
    [
      'what is wrong while the VPN is away counts against the engine',
      "when: ({ observed }) => !isNetworkUp(observed) && observed.engine.status !== 'draining',",
      'when: () => false,',
    ],
    [
      'engines whose network is gone are not made anew',
      "isNetworkGone(observed) && observed.node?.namespace === 'foreign'",
      'observed.isRunning === null',
    ],
    [
      'an engine outside the VPN is spared for its viewers',
      'return !hasStopped(engine.containerState) || streams > 0',
      'return !hasStopped(engine.containerState) && streams === 0',
    ],
    [
      'late streams of an engine that was stopped outside the VPN go on',
      'return !hasStopped(engine.containerState) || streams > 0',
      'return !hasStopped(engine.containerState)',
    ],
    [
      'an engine outside the VPN is stopped though it may go on',
      ' || !situation.policy.isVpnStrict) return false',
      ') return false',
    ],
    [
      'an engine in the network of another container is stopped',
      "if (outside?.kind !== 'own_network' || !situation",
      'if (outside === null || !situation',
    ],
    [
      'what was stopped outside the VPN is started there again',
      '{ ...nothing, when: ({ observed }) => isStoppedOutside(observed) },',
      '',
    ],
    [
      'an engine is put behind a VPN that is not up',
      'isStoppedOutside(observed) && observed.outside?.isNodeUp === true',
      'isStoppedOutside(observed)',
    ],
    [
      'an engine that drains is put behind the VPN',
      "observed.engine.status === 'draining' && isStoppedOutside(observed)",
      'observed.engine.name === null',
    ],
    [
      'a start that was noticed late is overdue at once',
      'Math.max(knownMs, probedSinceMs, node?.sinceMs ?? 0)',
      'knownMs',
    ],
    [
      'no second look before a stop',
      "if (look.kind !== 'pending') return look.kind === 'clear'",
      "if (look.kind !== 'nothing') return true",
    ],
    ['no look from outside before a stop', 'return isDeserted(look, untilMs) && isHidden', 'return isHidden'],
    [
      'an engine that never answered is ended under its viewers',
      'when: (look) => isOverdue(look) && isUsedByNobody(look)',
      'when: (look) => isOverdue(look)',
    ],
    ['no look in the books before a stop', 'if (isBusy(observed)) return false', ''],
    [
      'a draining engine is not hidden before it is stopped',
      'return isDeserted(look, untilMs) && isHidden',
      'return isDeserted(look, 0)',
    ],
    [
      'an engine in use stays draining',
      'when: ({ observed }) => observed.streams > 0 && mayServeAgain(observed)',
      'when: () => false',
    ],
    [
      'a stream takes an engine back from an operator',
      "engine.drainCause !== 'operator' && health",
      'health',
    ],
    [
      'crash loops are let alone',
      'isCrashLoop(look.observed.engine.restartsAt, look.situation.nowMs) &&',
      'look.observed.engine.name === null &&',
    ],
    [
      'a crash loop is ended under a viewer that no book names',
      '(isUnwatched(look, 0) && isDeserted(look, 0))',
      'isDeserted(look, 0)',
    ],
    ['a crash loop is ended under its viewer', '      look.observed.streams === 0 &&\n', ''],
    ['engines that exited are let alone', 'isStandingStill(look) && look.agenda', 'false && look.agenda'],
    ['every stop is taken for an exit', 'isExited(look) && !isWitnessed(look) && look', 'false && look'],
    [
      'every stop is taken for an outage',
      'isExited(look) && !isWitnessed(look) && look',
      'isExited(look) && look',
    ],
    [
      'an exit before a gap counts as witnessed',
      "observed.engine.stopCause === 'exit' && situation.watchedSinceMs <= (observed.engine.stoppedAt ?? 0)",
      "observed.engine.stopCause === 'exit' && situation.nowMs > 0",
    ],
    ['an exit is acted on at once', 'const EXIT_SETTLE_MS = 1_500', 'const EXIT_SETTLE_MS = 0'],
    ['engines that never answer are kept', "if (engine.status !== 'starting' ||", 'if (engine.name ||'],
    [
      'a silent engine is removed under its stream',
      'engine.adoptedAt !== null || streams > 0)',
      'engine.adoptedAt !== null)',
    ],
    [
      'an adopted engine is removed for its silence',
      'engine.adoptedAt !== null || streams > 0)',
      'streams > 0)',
    ],
    [
      'what somebody has in hand is acted on',
      'when: ({ observed }) => observed.isInHand || observed',
      'when: ({ observed }) => observed',
    ],
    [
      'lost viewers of a draining engine are waited for without end',
      "observed.engine.drainCause === 'unhealthy' &&\n",
      "observed.engine.drainCause === 'operator' &&\n",
    ],
  ]),
  ...of('core/engines/health.ts', [
    ['one failed probe makes an engine unhealthy', 'failures >= threshold', 'failures >= 1'],
    ['no engine is ever unhealthy', 'failures >= threshold', 'failures < 0'],
    ['one good answer makes an engine healthy again', 'successes >= threshold', 'successes >= 1'],
  ]),
  ...of('core/views/listing.ts', [
    ['draining engines are listed', "engine.status === 'draining'", 'engine.name === null'],
    ['engines that do not run are listed', '{ when: ({ isRunning }) => !isRunning,', '{ when: () => false,'],
    ['unclaimed engines are listed', 'engine.unclaimedSince !== null', 'engine.name === null'],
    [
      'unhealthy engines are listed',
      "verdict === 'unhealthy'",
      "verdict === 'unknown' && engine.name === null",
    ],
  ]),
  ...of('core/plan/plan.ts', [
    [
      'spares are not kept beside the busy',
      'Math.max(minReplicas, busy + minFree)',
      'Math.max(minReplicas, minFree)',
    ],
    [
      'more is wanted than the cap allows',
      'Math.min(Math.max(minReplicas, busy + minFree), maxReplicas)',
      'Math.max(minReplicas, busy + minFree)',
    ],
    [
      'engines that nothing can tell about leave no room for anybody',
      'engines.length >= policy.maxReplicas && engines.some((each) => isKept(each, policy))',
      'engines.length < 0',
    ],
    [
      'decisions are made while Docker is away',
      'if (frozen !== null) return { ...result',
      'if (frozen === result) return { ...result',
    ],
    ['a failure is succeeded before the breaker knows', 'engine.readyAt !== null', 'engine.name !== null'],
  ]),
  ...of('core/plan/fleet.ts', [
    ['own starts know no cap', 'this.#room = policy.maxReplicas - engines.length', 'this.#room = 99'],
    [
      'own starts are not bounded in number',
      'this.#slots = policy.concurrentStarts - engines.filter(isOwnStart).length',
      'this.#slots = 99',
    ],
    [
      'starts that failed are tried again at once',
      '!this.agenda.isDue(startsHeldUntilMs)',
      'startsHeldUntilMs < 0',
    ],
    ['busy engines are drained', '!isUnhealthy(observed) && !isBusy(observed)', '!isUnhealthy(observed)'],
    ['unclaimed engines are drained', ' && observed.engine.unclaimedSince === null', ''],
    [
      'idle engines are removed without AUTO_DELETE',
      'policy.autoDelete ? left : Math',
      'policy.graceMs ? left : Math',
    ],
    [
      'a scale-down reaches engines made later',
      'scaledAtMs === null || engine.createdAt > scaledAtMs',
      'scaledAtMs === null',
    ],
    ['too many are drained at once', '.slice(0, surplus - ill.length)', ''],
    [
      'an operator’s drain is undone',
      "(engine.drainCause === 'surplus' || engine.drainCause === 'scaled_down') &&",
      'engine.drainCause !== null &&',
    ],
    ['several replacements at a time', 'if (isReplacing(this.situation, this.byId)) return []', ''],
    [
      'a replacement is broken before it is made',
      'if (this.#room > 0 && engine',
      'if (this.#room > 99 && engine',
    ],
  ]),
  ...of('core/engines/ports.ts', [
    ['a taken port is given again', 'if (!isTaken(port)) return port', 'if (isTaken !== null) return port'],
  ]),
  ...of('core/plan/replacement.ts', [
    [
      'an engine whose successors fail keeps all others from their turn',
      'Number(engine.id === situation.replacement?.engineId)',
      'Number(engine.id === situation.replacement?.engineId && situation.nowMs < 0)',
    ],
    [
      'a replaced engine goes before its successor is ready',
      '(each) => each.engine.replaces !== null && isSteady(each) && !isUnhealthy(each)',
      '(each) => each.engine.replaces !== null',
    ],
    [
      'no cooldown between replacements',
      'replacement === null || agenda.isDue(replacement.atMs + policy.replacementCooldownMs)',
      'replacement === null || policy.graceMs >= 0',
    ],
    [
      'outdated engines are replaced under their viewers',
      '!isBusy(observed) &&\n  observed.engine.unclaimedSince === null',
      'observed.engine.unclaimedSince === null',
    ],
    [
      'an ill engine waits although one that is well drains',
      '.slice(0, leaving.length)',
      '.slice(leaving.length, leaving.length)',
    ],
    [
      'one whose health is not known stands in for an ill one',
      "each.health.verdict === 'healthy' && isNetworkUp(each)",
      'isNetworkUp(each)',
    ],
    ['an ill engine changes places though its successor boots', '!succeeded.has(each.engine.id) && ', ''],
    [
      'successors are forgotten',
      'if (replacement === null || replacement.isStarted ||',
      'if (replacement !== null ||',
    ],
  ]),
  ...of('core/vpn/vpn.ts', [
    ['an unhealthy Gluetun is up', "if (health === 'unhealthy')", 'if (name === null)'],
    ['a node is up before its control server was asked', 'own === null && signs.control === null', 'false'],
    ['a VPN stopped by its API is up', "status === 'stopped' || status === 'stopping' || ", ''],
    [
      'a node is up as soon as nothing is wrong',
      'Math.max(wrongMs, startedMs) + settings.stableMs - nowMs',
      '0',
    ],
    ['a node that comes back is unknown', "before.state === 'down' ? 'down' : 'unknown'", "'unknown'"],
    ['evidence is believed for ever', 'nowMs - doubtedSinceMs > DOUBT_MAX_MS', 'nowMs < 0'],
    [
      'what engines said before Gluetun came back counts',
      'tunnelLoss(signs.evidence, recoveredMs, nowMs)',
      'tunnelLoss(signs.evidence, 0, nowMs)',
    ],
    [
      'a stale word of the control server counts',
      'nowMs - control.atMs <= settings.controlMaxAgeMs',
      'nowMs > 0',
    ],
  ]),
  ...of('core/vpn/namespace.ts', [
    [
      'an engine in a dead namespace is let alone',
      "return isOlder ? 'dead' : 'alive'",
      "return isOlder ? 'alive' : 'alive'",
    ],
    [
      'an engine in the network of another container is let alone',
      "donorId !== node.id) return 'foreign'",
      "donorId === '') return 'foreign'",
    ],
  ]),
  ...of('core/vpn/tunnel.ts', [
    ['a single no is enough', 'const REFUSALS_MIN = 2', 'const REFUSALS_MIN = 1'],
    ['half of the engines are most of them', '2 * cut > fresh.length', '2 * cut >= fresh.length'],
    [
      'one engine alone tells that the tunnel works for others',
      'isLeftBehind || others.some',
      'true || others.some',
    ],
    [
      'streams that stopped long apart stopped together',
      '(movedMs ?? 0) >= lastMs - TOGETHER_MS',
      '(movedMs ?? 0) >= 0',
    ],
  ]),
  ...of('core/plan/reconnect.ts', [
    ['restarts are not rolling', 'due.slice(0, isRolling ? 1 : due.length)', 'due.slice(0, due.length)'],
    [
      'a stream that survived is cut',
      'if (streams > 0 && (stillMs ?? 0) < policy.unhealthyGraceMs) return false',
      '',
    ],
    [
      'viewers whom no event reported are cut off by a restart',
      "? agenda.isDue(strandedMs + policy.unhealthyGraceMs) : viewers === 'nobody'",
      '? agenda.isDue(strandedMs + policy.unhealthyGraceMs) : true',
    ],
    [
      'who gets nothing keeps a stranded engine for ever',
      '{ fromMs: 0, isMute: true }',
      '{ fromMs: 0, isMute: false }',
    ],
    ['engines get no time to come back', '+ policy.reconnectGraceMs)) return false', '+ 0)) return false'],
    ['VPN_RESTART_ENGINES_ON_RECONNECT is not read', 'if (!policy.restartsOnReconnect) return []', ''],
  ]),
  ...of('core/vpn/placement.ts', [
    ['engines are placed behind a node that is not up', "state === 'up' && hasPort", 'hasPort'],
    ['engines are not spread', 'a.engines - b.engines', '0'],
  ]),
  ...of('core/vpn/forwarded-port.ts', [
    ['a changed port is carried by nobody', 'if (stale.length > 0) return stale.map(({ id }) => id)', ''],
  ]),
  ...of('core/engines/restarts.ts', [['restarts of long ago count', 'at > nowMs - WINDOW_MS', 'at > 0']]),
  ...of('core/streams/sessions.ts', [
    [
      'nobody asked is taken for no answer',
      "{ kind: 'pending', sinceMs: nowMs }",
      "{ kind: 'pending', sinceMs: 0 }",
    ],
    [
      'a session that moves has no viewer',
      "2 * STILL_MS) return { kind: 'serving' }",
      "2 * STILL_MS) return { kind: 'clear' }",
    ],
    ['one denial ends a stream', 'const DENIALS_OF_THE_DEAD = 3', 'const DENIALS_OF_THE_DEAD = 1'],
    ['denials end no stream', 'denials >= DENIALS_OF_THE_DEAD', 'denials < 0'],
    ['silence is a denial', "(state === 'ended' ? 1 : 0)", "(state === 'serves' ? 0 : 1)"],
    ['a session that is served again is not forgiven', "denials: state === 'serves' ? 0 :", 'denials:'],
    ['silence forgives', "denials: state === 'serves' ? 0 :", "denials: state !== 'ended' ? 0 :"],
    ['a session that moves stands still', 'movedMs: hasGrown ? atMs :', 'movedMs: hasGrown ? null :'],
    ['a stall is none', 'askedMs - sinceMs >= STALL_MS ? sinceMs : null', 'null'],
  ]),
  ...of('lib/throttle.ts', [['bursts have no end', 'this.#count <= AT_ONCE', 'this.#count > 0']]),
  ...of('control/health/session-keeper.ts', [
    [
      'what was said of an earlier start of an engine counts',
      'engine !== undefined && isProbed(engine) && generationOf(engine) === generation',
      'engine !== undefined && isProbed(engine) && generationOf(engine) >= 0 * generation',
    ],
    [
      'what engines say of transfers is not kept',
      'if (figures !== null) statistics.note',
      'if (figures === undefined) statistics.note',
    ],
  ]),
  ...of('control/facts/session-facts.ts', [
    ['a lost worker’s answers count on', 'this.#sessions.clear()', ''],
  ]),
  ...of('control/streams/statistics.ts', [
    [
      'statistics are never written',
      'const work = (): void => this.#write()',
      'const work = (): void => undefined',
    ],
    ['what is pending is lost at the stop', 'guarded(() => this.#write(), this.deps.onError)()', ''],
    ['samples are written again and again', 'this.#pending.clear()', ''],
    ['new statistics are not shown', 'this.#version++', ''],
    [
      'the numbers of samples begin anew',
      'new Map(samples.flatMap(({ streamRowId }) => seqOf(seqs, streamRowId)))',
      'new Map(samples.map(({ streamRowId }) => [streamRowId, 0]))',
    ],
  ]),
  ...of('store/samples.ts', [
    ['samples of one stream have no bound', 'if (seq > perStream) trim', 'if (seq < 0) trim'],
    ['one sample too many is kept', 'seq: seq - perStream })', 'seq: seq - perStream - 1 })'],
    ['samples of all streams have no bound', 'newest.id > keep)', 'newest.id < 0 * keep)'],
    [
      'samples of ended streams are kept',
      'if (at > (endings.get(streamRowId) ?? Number.NEGATIVE_INFINITY)) continue',
      'if (!endings.has(streamRowId) || at < 0) continue',
    ],
    [
      'a sample of a stream that left the books is an error',
      '?? Number.NEGATIVE_INFINITY)) continue',
      '?? Number.POSITIVE_INFINITY)) continue',
    ],
    [
      'a number is left out after a restart',
      'const seq = 1 + (seqs',
      'const seq = (seqs.has(streamRowId) ? 1 : 2) + (seqs',
    ],
    [
      'the oldest samples are given',
      '.limit(limit)\n    .all()\n    .reverse()',
      '.limit(limit)\n    .all()',
    ],
  ]),
  ...of('control/streams/stream-stops.ts', [
    [
      'a stop leaves the stream started',
      'const ended = books.endRecord(newest.rowId, STOPPED_BY_OPERATOR)',
      'const ended = { updated: true, stream: newest }',
    ],
    [
      'a stop of an ended stream ends it again',
      "if (newest.status === 'ended') return",
      'if (newest.rowId < 0) return',
    ],
    [
      'a stop of an unknown stream is none',
      'if (newest === undefined) throw new NotFound(',
      'if (newest === undefined) throw new TypeError(',
    ],
    ['any path of an engine is called', '|| !isCommandPath(path)) return', "|| path === '') return"],
    [
      'an engine that does not run is asked to stop a session',
      'isLive(engine) && isRunning(engine)',
      'isLive(engine)',
    ],
  ]),
  ...of('control/streams/stream-books.ts', [
    ['a stop is not written', 'endInBooks(tx, [before], reason, clock.now())', ''],
    [
      'a dead stream has no reason',
      'endInBooks(tx, open, SESSION_UNKNOWN, clock.now())',
      "endInBooks(tx, open, 'unknown', clock.now())",
    ],
  ]),
  ...of('store/idempotency.ts', [
    ['keys have no bound', 'if (keys.length > 0) tx', 'if (keys.length < 0) tx'],
  ]),
  ...of('core/vpn/vpn-membership.ts', [
    [
      'an engine from before the VPN is taken for one behind it',
      'donorId === null && (vpnNode === null || containerStartedAt !== null)',
      'donorId === null && containerStartedAt === -1',
    ],
    [
      'a container that was made by hand is taken for one behind its node',
      '(vpnNode === null || containerStartedAt !== null)',
      'vpnNode === null',
    ],
    [
      'whose network an engine has joined is judged before that is known',
      "nodes.every(({ lookedAt }) => lookedAt !== null) ? 'other_network' : null",
      "'other_network'",
    ],
    [
      'the network of another container is taken for that of a node',
      "nodes.every(({ lookedAt }) => lookedAt !== null) ? 'other_network' : null",
      'null',
    ],
    ['a row that is being provisioned is outside', "|| engine.status === 'provisioning'", ''],
  ]),
  ...of('core/views/listing.ts', [
    [
      'engines outside the VPN are listed',
      "when: ({ vpnTrouble }) => vpnTrouble === 'outside'",
      'when: () => false',
    ],
  ]),
  ...of('control/vpn/vpn-nodes.ts', [
    [
      'a caller is given an engine outside the VPN that waits',
      'if (this.outside(engine) !== null) return true',
      '',
    ],
    [
      'who stops watching the nodes makes engines visible',
      '      kept.sight = null\n      kept.control = null\n      kept.said = null\n    }\n  }',
      '      kept.sight = null\n      kept.network = { name: kept.settings.name, lookedAt: null }\n      kept.control = null\n      kept.said = null\n    }\n  }',
    ],
  ]),
  ...of('control/vpn/vpn-keeper.ts', [
    [
      'an engine outside speaks for the tunnel of its node',
      "namespaceOf(engine, container) === 'alive' &&\n        nodes.outside(engine) === null,",
      "namespaceOf(engine, container) === 'alive',",
    ],
    [
      'a node under another name is not known by its container',
      '(vpnNode === null || nodes.get(vpnNode) === undefined)',
      'vpnNode === null',
    ],
  ]),
  ...of('control/vpn/outsider-warnings.ts', [
    ['nobody is told of engines outside the VPN', 'alone.length === 0 ?', 'alone.length < 99 ?'],
    ['nobody is told of engines in another network', 'elsewhere.length === 0', 'elsewhere.length < 99'],
  ]),
  ...of('core/containers/installation.ts', [
    [
      'what was taken over belongs to others again',
      '!isLive(engine) || engine.containerId',
      'engine.containerId',
    ],
    ['what carries no id belongs to others', 'installation === null || ', ''],
    [
      'a container of others whose label names an engine of ours is ours',
      ' || engine.containerId !== containerId',
      '',
    ],
  ]),
  ...of('control/containers/installation.ts', [
    [
      'a new database takes nothing over',
      "if (takesOver && !hasHadEngines(tx)) setTakeOver(tx, 'unseen')",
      '',
    ],
    ['every database without an id is new', 'takesOver && !hasHadEngines(tx)', 'takesOver'],
    [
      'TAKE_OVER=never does not end what was begun',
      'if (!takesOver && takeOver',
      'if (takeOver === null && takeOver',
    ],
    ['what stands still is taken over', '        !standsStill(container.state) &&\n', ''],
    [
      'nobody notes what there is to take over',
      '      setTakeOver(\n        tx,\n        running.map(({ id }) => id),\n      )\n',
      '',
    ],
    ['what is left to take over is never done with', 'still.length < left.length', 'still.length < 0'],
    [
      'what belongs to others is not told',
      'othersWarning(others.map(asTold))',
      'others.length < 0 ? othersWarning(others.map(asTold)) : null',
    ],
    ['any container with our label is ours', 'value && !this.isOthers(container)', 'value'],
  ]),
  ...of('control/provisioning/generic.ts', [
    [
      'a container that is no engine carries no id',
      '        [INSTALLATION_LABEL]: template.installation,\n',
      '',
    ],
  ]),
  ...of('control/engines/template.ts', [
    ['an engine carries no id of its installation', '    [INSTALLATION_LABEL]: template.installation,\n', ''],
    ['the id of an installation makes engines outdated', ', installation: undefined }', ' }'],
  ]),
  ...of('core/containers/settle.ts', [
    ['the containers of others are touched', "{ when: isOthers, outcome: { kind: 'leave' } },", ''],
    [
      'what stands still under another id is taken over',
      'pair.container?.isLeftToUs === true && runs(pair)',
      'pair.container?.isLeftToUs === true',
    ],
    [
      'resume skips containers that were created only',
      'container !== null && NEVER_STARTED.has(container.state)',
      'container === undefined',
    ],
    [
      'a removal that failed is not tried again',
      'engine?.removalRequestedAt != null',
      'engine === undefined',
    ],
    [
      'containers of engines that are history are left',
      "{ when: isHistory, outcome: { kind: 'reap', reason: 'its engine is history' } }",
      "{ when: isHistory, outcome: { kind: 'leave' } }",
    ],
    [
      'a cut-off provision that runs is undone',
      "outcome: { kind: 'finish' }",
      "outcome: { kind: 'undo', reason: 'no' }",
    ],
    [
      'unknown engines are not adopted',
      "{ when: ({ engine }) => engine === null, outcome: { kind: 'adopt' } }",
      "{ when: ({ engine }) => engine === null, outcome: { kind: 'leave' } }",
    ],
    ['a copy of an engine that is history is a stray', '&& isCopy(pair) && runs(pair)', '&& pair.inHand'],
    ['a copy that was not started yet is taken over', '&& isCopy(pair) && runs(pair)', '&& isCopy(pair)'],
    [
      'the container of an engine that is history is taken for a copy',
      'engine !== null && engine.containerId !== null && engine.containerId !== container?.id',
      'engine !== null && container !== null',
    ],
    [
      'what has no usable port is taken over',
      "outcome.kind === 'adopt' && pair.container?.isUsable !== true",
      'pair.container === null',
    ],
    ['what is new is removed at once', 'pair.container?.isYoung === true', 'pair.container === null'],
    [
      'a clock of Docker that is ahead keeps strays for ever',
      'Math.min(createdAtMs, firstSeenMs) + YOUNG_MS',
      'createdAtMs + YOUNG_MS',
    ],
    [
      'an engine without its container lives on',
      "outcome: { kind: 'gone', reason: 'its container was removed' }",
      "outcome: { kind: 'leave' }",
    ],
  ]),
  ...of('core/plan/situation.ts', [
    [
      'booting engines are not counted',
      "(engine.status === 'provisioning' || engine.status === 'starting' || engine.status === 'ready')",
      "engine.status === 'ready'",
    ],
    [
      'draining engines are counted',
      "(engine.status === 'provisioning' || engine.status === 'starting' || engine.status === 'ready')",
      "engine.name !== ''",
    ],
    [
      'idle is counted from the making',
      'Math.max(engine.readyAt ?? engine.createdAt, engine.handedOutAt ?? 0, engine.lastStreamAt ?? 0)',
      'engine.createdAt',
    ],
    [
      'adopted engines count as idle',
      'streams > 0 || engine.adoptedAt !== null',
      'streams > 0 || engine.name === null',
    ],
    [
      'an unhealthy engine is taken from its viewers at once',
      'Math.max(health.sinceMs, engine.lastStreamAt ?? 0) + graceMs',
      'Math.max(health.sinceMs, engine.lastStreamAt ?? 0)',
    ],
    ['moving bytes save nobody', 'agenda.isDue(lostMs) && standsMs >= graceMs', 'agenda.isDue(lostMs)'],
    [
      'what was not watched counts as still',
      'const standsMs = stillMs ?? Number.POSITIVE_INFINITY',
      'const standsMs = (stillMs ?? 0) + 1e9',
    ],
    [
      'an engine that is lost for the viewers of the books is taken from others',
      "(sight.connections === 'none' || carriesNothing(sight))",
      'sight.atMs > 0',
    ],
    [
      'what was seen long ago is acted on',
      'this.nowMs - sight.atMs <= LOOK_FRESH_MS',
      'this.nowMs >= sight.atMs',
    ],
    [
      'a look from before the hiding decides',
      'sight !== null && sight.atMs >= wanted.fromMs &&',
      'sight !== null &&',
    ],
  ]),
  ...of('core/viewers/viewers.ts', [
    ['a question of ours is a viewer', 'const HELD_MS = 6_000', 'const HELD_MS = 0'],
    ['a viewer is taken for a question of ours', 'const HELD_MS = 6_000', 'const HELD_MS = 6_000_000'],
    [
      'a connection that may be a viewer is none',
      "if (connections === 'new') return 'open'",
      "if (connections === 'new') return 'nobody'",
    ],
    [
      'a stream is taken for chatter',
      'const STREAM_BYTES_PER_S = 20_000',
      'const STREAM_BYTES_PER_S = 2_000_000',
    ],
    [
      'chatter is taken for a stream',
      'const STREAM_BYTES_PER_S = 20_000',
      'const STREAM_BYTES_PER_S = 2_000',
    ],
    [
      'an engine that hangs is kept for its dead connections',
      "return connections === 'held' && !isMute ?",
      "return connections === 'held' ?",
    ],
    ['where nothing can tell, nobody watches', "uncounted: 'unknown'", "uncounted: 'nobody'"],
    [
      'where nothing can tell, it is asked all the time',
      "if (viewers === 'unknown') return sight.atMs + AGAIN_MS.unknown",
      '',
    ],
  ]),
  ...of('core/viewers/tcp-table.ts', [
    ['a table that was cut is whole', ' && !isCut &&', ' &&'],
    ['a connection that has ended is a viewer', 'entry.state === ESTABLISHED ?', 'entry.state !== null ?'],
    ['connections of IPv6 are not seen', '([0-9A-F]{32}|[0-9A-F]{8})', '([0-9A-F]{8})'],
  ]),
  ...of('core/plan/looking.ts', [
    [
      'an engine that nothing can tell about is not told',
      "viewersIn(observed.sight, isMute(observed)) === 'unknown'",
      'false',
    ],
    ['a viewer has to share', "viewersIn(observed.sight, isMute(observed)) === 'somebody'", 'false'],
  ]),
  ...of('control/viewers/viewer-questions.ts', [
    [
      'Gluetun is not asked who is connected',
      'return [containerId, donorId, ...others]',
      'return [containerId, ...others]',
    ],
    [
      'other engines of the network are not asked',
      'return [containerId, donorId, ...others]',
      'return [containerId, donorId]',
    ],
    [
      'a command that does not end is waited for',
      'const PATIENCE_MS = 10_000',
      'const PATIENCE_MS = 10_000_000',
    ],
  ]),
  ...of('control/viewers/viewer-watch.ts', [
    [
      'viewers are looked for on what is out of date',
      'wish === undefined || engine === undefined || !isCurrent ||',
      'wish === undefined || engine === undefined ||',
    ],
    [
      'a container that never answers is asked for ever',
      'const SILENCES_MAX = 3',
      'const SILENCES_MAX = 3_000',
    ],
    [
      'what was counted is forgotten at once',
      'const FORGOTTEN_AFTER_MS = 120_000',
      'const FORGOTTEN_AFTER_MS = 0',
    ],
    ['a viewer is told of at every look', 'const isTold = before?.isTold ||', 'const isTold = '],
  ]),
  ...of('control/reporting/refused-events.ts', [
    [
      'every refused event is a line in the log',
      'if (this.#toldMs.has(caller) || this.#toldMs.size',
      'if (this.#toldMs.size',
    ],
    ['callers are remembered without a bound', '|| this.#toldMs.size >= CALLERS_MAX', ''],
    ['refused events are a warning for good', 'this.#why.clear()', ''],
    ['the warning of refused events ends while they go on', 'if (leftMs > 0) {', 'if (leftMs > OVER_MS) {'],
  ]),
  ...of('store/leases.ts', [
    [
      'ports in the network of a node are not leased',
      "['api', engine.apiPort],\n          ['p2p', engine.p2pPort],",
      '',
    ],
  ]),
  ...of('control/provisioning/engine-ports.ts', [
    ['leases are not written', 'for (const lease of leasesOf(engine)) takeLease(tx, lease, nowMs)', ''],
    [
      'rows that carried an earlier port say that they carry the port',
      'updateEngine(tx, other.id, { forwarded: false })',
      'void other',
    ],
    [
      'the HTTP port that a caller asked for is the HTTPS port, too',
      "use('host_port', engine.request.hostPort)",
      'engine.request.hostPort',
    ],
    ['an engine made anew keeps one port twice', ' && !used.includes(had)', ''],
  ]),
  ...of('core/engines/labels.ts', [
    ['an installation may be named by a label of the earlier orchestrator', "'acestream.', ", ''],
  ]),
  ...of('control/provisioning/requests.ts', [
    [
      'a host_port that the engine needs for another port is taken',
      'FIXED_PORTS.includes(port)',
      'FIXED_PORTS.includes(-port)',
    ],
    [
      'whoever has no key starts any image',
      'images !== null && !images.some',
      'images !== null && images.some',
    ],
    ['a host_port is one of another range', '?? keptError(port, keptFromEngines)', ''],
    ['a container takes the ports of engines', 'keptError(port.hostPort, keptFromOthers) ?? twice', 'twice'],
  ]),
  ...of('control/provisioning/placer.ts', [
    [
      'two engines carry the forwarded port',
      'port === null || this.deps.ports.isLeased(db, scope, port) ? null : port',
      'port',
    ],
  ]),
  ...of('control/containers/adoption.ts', [
    [
      'a copy never gets the port of its original',
      'for (const lease of missing) tryLease(tx, lease, nowMs)',
      '',
    ],
    ['a copy carries the forwarded port, too', ' && !hasCarrier(tx, vpnNode)', ''],
  ]),
  ...of('control/provisioning/claims.ts', [
    [
      'an unclaimed engine is handed out twice',
      'const change = { unclaimedSince: null, claimKey: key, handedOutAt: now }',
      'const change = { handedOutAt: now }',
    ],
    [
      'a key is forgotten when its engine is handed out',
      'claimKey: key, handedOutAt: now }',
      'claimKey: null, handedOutAt: now }',
    ],
    ['a key is not kept', 'if (key !== null)\n        bindKey', 'if (key === hash)\n        bindKey'],
    ['a trial is not noted', 'noteStart(tx, engine, now, breakers)', ''],
    [
      'a key is answered with an engine outside the VPN',
      'if (this.deps.nodes.outside(engine) !== null) return null',
      '',
    ],
    [
      'an engine that is made anew keeps a place that is none',
      'placer.isPlace(engine) ? enginePorts',
      'engine.id ? enginePorts',
    ],
    [
      'a port that no node publishes is insisted on',
      'new Set([engine.request.hostPort, null])',
      'new Set([engine.request.hostPort])',
    ],
  ]),
  ...of('control/engines/engine-row.ts', [
    [
      'an engine that was made anew has the viewers of its earlier container',
      '  adoptedAt: null,\n  stoppedAt: null,',
      '  stoppedAt: null,',
    ],
  ]),
  ...of('control/engines/breaker-notes.ts', [
    [
      'a caller’s own image closes provisioning for all',
      'configHash === templateHash &&',
      "configHash !== '' && templateHash !== '' &&",
    ],
    [
      'a caller’s own environment closes provisioning for all',
      'Object.keys(request.env).length === 0',
      'Object.keys(request.env).length >= 0',
    ],
    ['a caller’s own engine is a trial', 'if (!isAsTemplate(engine, settings)) return\n', ''],
  ]),
  ...of('core/containers/references.ts', [
    ['one character of an id is enough', 'text.length < ID_CHARACTERS_MIN', 'text.length < 1'],
    ['the first of several is taken', 'others.length === 0', 'others.length >= 0'],
  ]),
  ...of('control/engines/endings.ts', [
    ['streams outlive their engine', 'endStreams(tx, engineId, streams, nowMs)', ''],
    ['a trial that went away blocks for ever', 'else freeTrial(tx, engine, nowMs)', ''],
    [
      'a failed engine is not told to the breaker',
      'noteFault(tx, engine, nowMs, fault)',
      'freeTrial(tx, engine, nowMs)',
    ],
    [
      'the breaker is fed by engines that were ready',
      'fault !== null && engine.readyAt === null',
      'fault !== null',
    ],
    [
      'a key stands for a provision that failed',
      "if (engine.status === 'provisioning') forgetKeysOf(tx, engineId)",
      '',
    ],
    [
      'a key is forgotten with its engine',
      "if (engine.status === 'provisioning') forgetKeysOf",
      'if (nowMs > 0) forgetKeysOf',
    ],
    ['an engine that ended is unclaimed', 'unclaimedSince: null,\n    claimKey: null,\n', ''],
    [
      'a restart ends streams of the new process too',
      'startedAt < beforeMs)',
      'startedAt < beforeMs + 1e12)',
    ],
  ]),
  ...of('control/fleet/executor.ts', [
    [
      'a drain is not in the journal',
      "appendJournal(tx, now, { kind: 'engine.draining', engineId, detail: { cause, rule, reason } })",
      '',
    ],
    ['a replacement is not noted', 'noteReplacement(tx, { engineId, cause, atMs })', ''],
    [
      'a recalled engine keeps its mark',
      'const change = { drainCause: null, drainingSince: null, reason: null }',
      'const change = {}',
    ],
  ]),
  ...of('control/facts/facts.ts', [
    ['deaths that are heard hide nothing', 'this.#stopped.add(containerId)', ''],
    [
      'a gap leaves everything current',
      'this.#watch = { isCurrent: false, sinceMs }',
      'this.#watch = { isCurrent: this.#watch.isCurrent, sinceMs }',
    ],
    [
      'a verdict outlives its process',
      'forgetHealth(engineId: string): void {\n    if (this.#health.delete(engineId))',
      'forgetHealth(engineId: string): void {\n    if (engineId === null)',
    ],
  ]),
  ...of('control/health/health-keeper.ts', [
    [
      'probes of an earlier process count',
      'isProbed(engine) && generationOf(engine) === generation',
      'isProbed(engine)',
    ],
  ]),
  ...of('control/provisioning/launcher.ts', [
    [
      'a Gluetun that went is no reason',
      "failure.code === 'no_donor' && engine.vpnNode",
      'engine.vpnNode === undefined',
    ],
    [
      'the breaker is fed by faults of Docker',
      "if (failure.effect === 'none') return this.#fail(engine, runtimeUnavailable(failure.message))",
      'return this.#fail(engine, runtimeUnavailable(failure.message), true)',
    ],
    [
      'the breaker is fed by what is no engine’s fault',
      'return this.#fail(engine, refusalOf(engine, failure))\n    if (!removed)',
      'return this.#fail(engine, refusalOf(engine, failure), true)\n    if (!removed)',
    ],
    [
      'the breaker is fed by a daemon that ends',
      'return this.#fail(engine, refusalOf(engine, failureOf(error)))',
      'return this.#fail(engine, refusalOf(engine, failureOf(error)), true)',
    ],
    [
      'the second transaction comes before the start',
      "checkpoint('after_create')\n",
      "checkpoint('after_create')\n    if (this.#commit(engine, containerId).kind === 'failed') return { kind: 'unknown' }\n",
    ],
    [
      'a refused container is left behind',
      'const removed = await this.#remove(engine, containerId)',
      'const removed = true',
    ],
    [
      'an unknown outcome of a start is taken for a failure',
      "if (failure.code === 'unreachable') return this.#leave(engine, failure)",
      "if (failure.code === 'unreachable') return this.#fail(engine, runtimeUnavailable(failure.message))",
    ],
  ]),
  ...of('control/containers/observe.ts', [
    [
      'an engine keeps a name that its container has not any more',
      'isUsableName(seen.name) ? seen.name : engine.name',
      'engine.name',
    ],
    [
      'streams outlive a restart of their engine',
      'endStreams(tx, engine.id, reason, nowMs, Math.min(change.containerStartedAt ?? nowMs, nowMs))',
      '',
    ],
    [
      'a restarted engine stays ready',
      "if (engine.status === 'ready') transition(tx, engine.id, ['ready'], 'starting')",
      '',
    ],
    [
      'stops are not dated',
      'return engine.stoppedAt === null ? { stoppedAt: nowMs, stopCause } : {}',
      'return {}',
    ],
  ]),
  ...of('control/containers/observer.ts', [
    [
      'a gap is followed by no thorough look',
      'const isThorough = this.#needsThoroughPass\n',
      'const isThorough = false\n',
    ],
    ['Docker’s return is not noticed', 'this.#stale(facts.watch().sinceMs)\n    this.#passes.add(PASS)', ''],
  ]),
  ...of('control/fleet/own-starts.ts', [
    ['a failed start holds nothing', "if (kind === 'failed') this.#hold()", ''],
  ]),
  ...of('control/provisioning/provisioner.ts', [
    ['no start has an outcome', 'this.deps.onOutcome({ end, tookMs, isAwaited: launch.waiters > 0 })', ''],
    ['a caller that gave up keeps its engine', 'if (launch.waiters === 0) this.#unclaim(engineId)', ''],
    [
      'unclaimed engines never become spares',
      'if (unclaimedSince + unclaimedTtlMs <= now) this.#toSpare(id)',
      'if (unclaimedTtlMs < 0) this.#toSpare(id)',
    ],
  ]),
  ...of('control/fleet/reconciler.ts', [
    ['plans do not rest', 'await this.deps.clock.sleep(REST_MS, this.#stop.signal)', ''],
  ]),
  ...of('control/fleet/repairs.ts', [
    [
      'streams of an engine without a network stay started',
      "endStreams(tx, engine.id, 'vpn_lost', now)\n      appendJournal",
      'appendJournal',
    ],
    [
      'a repair rests on a node of before',
      "if (wanted.type !== 'halt' && !(await this.#isNodeAsKnown(engineId))) return",
      '',
    ],
    [
      'what is outside the VPN waits for its node to be stopped',
      "wanted.type !== 'halt' && !(await",
      '!(await',
    ],
    [
      'an engine is stopped for a network that it has not any more',
      '&& (joins === null || !ABOUT_NETWORK.has(rule))',
      '',
    ],
    [
      'a stream that comes while its engine is stopped for the VPN ends for another reason',
      "store.transact((tx) => void endStreams(tx, engine.id, 'outside_vpn', clock.now()))",
      '',
    ],
    [
      'streams outlive the stop of their engine outside the VPN',
      "const streams = endStreams(tx, engine.id, 'outside_vpn', now)",
      'const streams = 0',
    ],
    [
      'a trial that was stopped outside the VPN keeps its place',
      'updateEngine(tx, engine.id, { adoptedAt: null })\n      freeTrial(tx, engine, now)',
      'updateEngine(tx, engine.id, { adoptedAt: null })',
    ],
    [
      'a container that can’t be revived is tried for ever',
      "['port_taken', 'refused', 'not_found', 'conflict']",
      '[]',
    ],
  ]),
  ...of('control/containers/removal.ts', [
    ['what stands still is removed by force', 'if (!standsStill(state)) {', "if (state !== 'removing') {"],
    ['a container that was started meanwhile counts as removed', 'return now === null\n', 'return true\n'],
    [
      'a removal that Docker refuses for another reason counts as done later',
      'if (now !== null && standsStill(now.state)) throw error\n',
      '',
    ],
  ]),
  ...of('control/containers/settler.ts', [
    [
      'an observation that was overtaken is believed',
      'if (look.isOvertaken) return',
      'if (containerId === null) return',
    ],
    [
      'a removal is decided on one look',
      'isRemoval(this.#decide(sight.engine, sight.seen))',
      'sight.seen.id !== containerId',
    ],
    [
      'what is too new is only looked at by a pass',
      '    lookWithin(container.id, this.#youngForMs(container))\n',
      '',
    ],
    ['a container that waits is new again with each look', 'if (!this.#waitsSince.has(container.id)) ', ''],
  ]),
  ...of('control/streams/stream-books.ts', [
    ['a stream does not count as use', 'else if (used) noteUse(tx, used, now)', ''],
  ]),
  ...of('store/store.ts', [
    [
      'what was kept is never written',
      'db.transaction((tx) => void work(tx), { behavior',
      'db.transaction((tx) => void tx, { behavior',
    ],
    ['what was kept is kept for ever', '      kept.shift()\n    }\n  }', '    }\n  }'],
    ['kept work has no bound', 'kept.length >= KEPT_MAX', 'kept.length < 0'],
    ['kept work has any size', 'outage.size + size > KEPT_SIZE_MAX', 'outage.size < 0'],
    ['every write asks the file again', 'if (this.#outage !== null) throw this.#outage.failure', ''],
    [
      'a file that was moved is not noticed',
      'if (lost !== null) this.#begin',
      "if (lost === '') this.#begin",
    ],
  ]),
  ...of('control/streams/stream-books.ts', [
    [
      'a start that can not be written is refused',
      'return store.transactOrKeep((tx): Stream => {',
      'return store.transact((tx): Stream => {',
    ],
    [
      'an end that can not be written is refused',
      'return store.transactOrKeep((tx): Stream | null => {',
      'return store.transact((tx): Stream | null => {',
    ],
  ]),
  ...of('control/provisioning/provisioner.ts', [
    [
      'who waits for what can not be written waits on',
      'else launch.refuse(storageUnavailable(failure.message))',
      '',
    ],
  ]),
  ...of('control/housekeeping/storage-watch.ts', [
    ['an outage of the storage never ends', 'const now = store.recover()', 'const now = failure'],
  ]),
  ...of('control/provisioning/generic.ts', [
    ['a container is made that can not be written', "this.#note('provision.started', { name })", ''],
    [
      'a list that is out of date leaves room for more',
      '[this.#inHand, ...this.#besideLists]',
      '[this.#inHand]',
    ],
    ['containers in hand are not counted', 'new Map(this.#inHand)', 'new Map()'],
  ]),
  ...of('control/engines/fleet-rows.ts', [
    [
      'rows are read once and for all',
      'if (this.#known?.version === version)',
      'if (this.#known !== null && version > 0)',
    ],
  ]),
  ...of('control/vpn/vpn-keeper.ts', [
    [
      'what engines say is judged later',
      'connections.onNews((engineIds) => this.#judgeNodesOf(engineIds))',
      'connections.onNews(() => undefined)',
    ],
  ]),
  ...of('store/streams.ts', [
    ['the streams of an earlier process are in doubt', ', gte(newer.startedAt, sql`wanted.value ->> 1`)', ''],
  ]),
  ...of('control/fleet/survey.ts', [
    [
      'plans go on while nothing can be written',
      'if (storage !== null) return `the',
      'if (storage === undefined) return `the',
    ],
    [
      'an engine is left behind by itself',
      'each.engineId === engine.id ? [] : each.connection',
      'each.connection',
    ],
    [
      'an engine outside the VPN shares the fate of the node that its row names',
      'const node = outside === null ? this.#nodeOf(engine, nodes) : null',
      'const node = this.#nodeOf(engine, nodes)',
    ],
    [
      'engines outside the VPN are never replaced',
      'nodes.all().length > 0 ? nodes.outside(engine) !== null : engine',
      'nodes.all().length > 0 ? false : engine',
    ],
    [
      'an engine’s starts do not wait after failures',
      'startsHeldUntilMs: starts.heldUntilMs(),',
      'startsHeldUntilMs: 0,',
    ],
    [
      'everything is outdated',
      "return configHash !== '' && configHash !== wanted",
      "return configHash !== ''",
    ],
  ]),
  ...of('control/streams/stream-ends.ts', [
    ['ends are counted again at each scrape', '    this.#lastEntry = newest\n', ''],
    [
      'the ends of an earlier process are counted',
      'this.#lastEntry = lastJournalId(store.db)',
      'this.#lastEntry = 0',
    ],
  ]),
  ...of('control/vpn/vpn-keeper.ts', [
    ['a trial behind a lost node keeps its place', "if (state === 'down') this.#freeTrials(tx, node)", ''],
  ]),
  ...of('core/streams/end-reasons.ts', [
    ['every text of a proxy has a series', "?? 'other'", '?? (reason as EndClass)'],
  ]),
  ...of('control/views/fleet-figures.ts', [
    ['engines whose container stands still have a verdict', '.filter(({ isRunning }) => isRunning)', ''],
    ['an engine that is unhealthy is so since now', '(nowMs - sinceMs) / 1000', '0'],
  ]),
  ...of('metrics/gauges.ts', [
    [
      'engines below the minimum are extra',
      '({ engines, fleet }) => Math.max(0, engines.live - fleet.minimum)',
      '({ engines }) => engines.live',
    ],
  ]),
  ...of('lib/workqueue.ts', [
    [
      'work begins on the stack of whoever adds its key, and within itself',
      `this.options.clock.soon(() => {
      this.#isPumpAsked = false
      this.#begin()
    })
  }

  #begin(): void {
    for (const key of this.#waiting) {
      if (this.#stopped || this.#working.size >= this.options.concurrency) return
      if (this.#working.has(key)) continue
      this.#waiting.delete(key)
      // Marked first: the work may ask for its own key before it waits for anything.
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#working.set(key, promise)
      void this.#process(key).finally(resolve)
`,
      `this.#isPumpAsked = false
    this.#begin()
  }

  #begin(): void {
    for (const key of this.#waiting) {
      if (this.#stopped || this.#working.size >= this.options.concurrency) return
      if (this.#working.has(key)) continue
      this.#waiting.delete(key)
      this.#working.set(key, this.#process(key))
`,
    ],
    [
      'a key is marked as worked on when its synchronous part has run',
      'this.#working.set(key, promise)\n      void this.#process(key).finally(resolve)',
      'void this.#process(key).finally(resolve)\n      this.#working.set(key, promise)',
    ],
    ['work begins before answers are sent', 'this.options.clock.soon(', 'queueMicrotask('],
  ]),
  ...of('control/streams/stream-books.ts', [
    [
      'streams without an engine are kept without a bound until the next sweep',
      '      if (engine === null) endInBooks(tx, unmatchedBeyond(tx, UNMATCHED_MAX), FORGOTTEN, now)\n',
      '',
    ],
    ['an engine has any number of streams', 'records < perEngineMax &&', 'records >= 0 &&'],
    ['an engine has streams of any length', '&& bytes < perEngineMax * STREAM_BYTES', ''],
  ]),
  ...of('control/housekeeping/retention.ts', [
    ['history waits for its minute', 'if (this.#commits >= COMMITS_MAX) this.#stepSoon()', ''],
    [
      'a sweep ends with its first step',
      'if (isEnding || isPruning || this.#mayBeOversized) this.#stepSoon()',
      'if (isEnding) this.#stepSoon()',
    ],
  ]),
  ...of('store/oldest.ts', [
    ['the database has any size', 'if (bytes <= maxBytes) return false', 'if (bytes > 0) return false'],
    ['what is live takes all that was', 'time.get({ skip: KEPT_ROWS }) !== undefined', 'time !== null'],
  ]),
  ...of('store/connection.ts', [
    ['the log keeps its size', 'PRAGMA journal_size_limit =', 'PRAGMA user_version ='],
  ]),
  ...of('control/views/started-records.ts', [
    ['each commit renders all streams', 'if (isSame) return known', ''],
    ['a stall is not shown', 'known.stalledSince === stalledSince &&', ''],
    ['figures are not shown', '(known.sample === sample || Bun.deepEquals(known.sample, sample))', 'true'],
    [
      'figures are read once',
      'db === this.#db && statistics.version() === this.#samplesVersion',
      'db === this.#db',
    ],
  ]),
  ...of('store/streams.ts', [
    [
      'a record takes all its samples with it at once',
      'if (gone.all().length === SAMPLES_BATCH) return true',
      'gone.all()',
    ],
  ]),
  ...of('http/texts.ts', [
    ['a NUL is taken in a value', "text.isWellFormed() && !text.includes('\\0')", 'text.isWellFormed()'],
    [
      'half a surrogate pair is taken in a name',
      'text.isWellFormed() && !hasControls(text)',
      '!hasControls(text)',
    ],
  ]),
  ...of('http/text-maps.ts', [
    ['a map has no sum', '  if (total > TOTAL_MAX)\n', '  if (total < 0)\n'],
    [
      'a map has any number of entries',
      '  if (entries.length > ENTRIES_MAX)\n',
      '  if (entries.length < 0)\n',
    ],
  ]),
  ...of('wire/work.ts', [
    ['ends are only counted by a scrape', '    ends.catchUp()\n    retention', '    retention'],
    [
      'a failure that a caller waits for is counted twice',
      "end.kind === 'failed' && !isAwaited",
      "end.kind === 'failed'",
    ],
    [
      'a failure that nobody waits for is not counted',
      "end.kind === 'failed' && !isAwaited",
      "end.kind === 'failed' && isAwaited",
    ],
  ]),
  ...of('control/health/session-keeper.ts', [
    [
      'silence about a stream that has ended is an error',
      "state === 'silent' && streamByRow",
      "state === 'silent' || streamByRow",
    ],
  ]),
  ...of('control/viewers/traffic-watch.ts', [
    [
      'an adopted engine is never quiet',
      'if (!isQuiet(this.#readings.get(engineId) ?? null, engine.adoptedAt, now)) return',
      'if (engineId) return',
    ],
  ]),
  ...of('core/feed/backlog.ts', [
    ['a slow reader has all that it did not take', 'this.#frames.length >= this.limits.frames ||', ''],
    ['large frames are not counted', ' || this.#bytes >= this.limits.bytes', ''],
    ['what was taken still counts', '    this.#bytes -= sum\n', ''],
  ]),
  ...of('core/feed/state-changes.ts', [
    [
      'a time that passes is told as a change',
      'before.get(key)?.compared !== compared',
      'before.get(key)?.json !== after.get(key)?.json',
    ],
  ]),
  ...of('control/feed/feed.ts', [
    ['the feed never rests', 'this.#lastRoundMs + REST_MS - clock.now()', '0'],
    [
      'a quiet feed is silent',
      'for (const subscription of [...this.#subscriptions.keys()]) subscription.beat()',
      '',
    ],
    ['the feed works for nobody', ' || this.#subscriptions.size === 0) return', ') return'],
    [
      'the feed takes any number of readers',
      'this.#subscriptions.size >= limits.subscribers',
      'limits.subscribers < 0',
    ],
    ['a reader that left is told on', 'this.#subscriptions.delete(subscription)', ''],
    ['what was pruned is not said to be missed', 'first > afterId + 1 ?', 'first < 0 ?'],
    [
      'a reader that joins jumps over news of the others',
      'if (this.#live().length > 0) this.#round()',
      'if (this.#isStopped) this.#round()',
    ],
    [
      'what a failed look found is never told',
      '      this.#endAll()\n      throw error',
      '      throw error',
    ],
  ]),
  ...of('control/feed/feed-teller.ts', [
    [
      'entries are told again and again',
      'this.#setLastId(entries.at(-1)?.id ?? this.#lastId)',
      'if (entries.length === 0) return frames',
    ],
    ['states are told that were told before', '    this.#states = after\n', ''],
  ]),
  ...of('control/feed/subscription.ts', [
    ['a slow reader is not told where its loss begins', 'this.#backlog.drop() ?? nextId', 'nextId'],
    ['a feed with a limit does not end', 'if (this.#left <= 0) this.end()', ''],
    ['an end leaves a timer', '    this.#cancelEnd()\n', ''],
  ]),
  ...of('store/journal-pages.ts', [
    ['the journal is walked by the wrong index', '=> sql`+', '=> sql`'],
    [
      'a page begins with the end of the one before',
      'wanted.push(lt(journal.id, beforeId))',
      'wanted.push(lte(journal.id, beforeId))',
    ],
  ]),
  ...of('store/engines.ts', [['leases outlive their engine', 'if (isMoved) releaseLeases(tx, id)', '']]),
  ...of('store/lock.ts', [
    ['two processes have one database', "file.run('BEGIN IMMEDIATE')", "file.run('BEGIN; COMMIT')"],
    [
      'the winner of two starts goes by the name of the loser',
      'if (!isNamed || isSame(ownerIn(file), owner)) return',
      'if (owner.pid > 0) return',
    ],
    ['a database has a lock for each of its paths', 'return realpathSync(path)', 'return path'],
  ]),
  ...of('store/wishes.ts', [
    [
      'a scale order outlives a changed MIN_REPLICAS',
      'order?.minReplicas === minReplicas ? order : null',
      'order',
    ],
    [
      'a scale order is forgotten',
      'order?.minReplicas === minReplicas ? order : null',
      'minReplicas < 0 ? order : null',
    ],
  ]),
  ...of('store/breakers.ts', [
    ['breakers are not kept', '.values({ name, ...breaker })', '.values({ name, ...closedBreaker })'],
  ]),
]
