import { mutations } from './mutation.ts'

/** Our own choice never cuts a stream, and an engine is ended only after a look that found no viewer. */
export const VIEWERS = mutations([
  [
    'a cache is emptied under a stream',
    '$isRunning && $streams === 0 && $adoptedAt === null',
    '$isRunning && $adoptedAt === null',
  ],
  [
    'a cache is emptied under the viewers of an adopted engine',
    '$isRunning && $streams === 0 && $adoptedAt === null',
    '$isRunning && $streams === 0',
  ],
  [
    'no second look before a stop',
    "if ($kind !== 'pending') return $kind === 'clear'",
    "if ($kind !== 'nothing') return true",
  ],
  [
    'no look from outside before a stop',
    'return $isDeserted($look, $untilMs) && $isHidden',
    'return $isHidden',
  ],
  [
    'an engine that never answered is ended under its viewers',
    '$when: ($look) => $isWaitedForInVain($look) && $isUsedByNobody($look)',
    '$when: ($look) => $isWaitedForInVain($look)',
    'core/plan',
  ],
  [
    'an engine out of reach is ended under its viewers',
    '$each.outOfReach?.isMoving && isUnused($each) && $each.expected === null',
    '$each.outOfReach?.isMoving && isSteady($each)',
  ],
  [
    'an engine out of reach is unhealthy',
    'isSteady($observed) && !isBeyondUs($observed) &&',
    'isSteady($observed) &&',
  ],
  [
    'no look in the books before a stop',
    'if ($isBusy($observed)) return false const $untilMs = $hiddenUntilMs($observed, $policy)',
    'const $untilMs = $hiddenUntilMs($observed, $policy)',
  ],
  [
    'a draining engine is not hidden before it is stopped',
    'return $isDeserted($look, $untilMs) && $isHidden',
    'return $isDeserted($look, 0)',
  ],
  ['a stream takes an engine back from an operator', "$drainCause !== 'operator' && ($health", '($health'],
  [
    'a crash loop is ended under its viewer',
    '$isCrashLoop($restartsAt, $now) && $streams === 0 &&',
    '$isCrashLoop($restartsAt, $now) &&',
  ],
  [
    'an exit before a gap counts as witnessed',
    "$stopCause === 'exit' && $watchedSinceMs <= ($stoppedAt ?? 0)",
    "$stopCause === 'exit'",
  ],
  [
    'a silent engine is removed under its stream',
    '$adoptedAt !== null || $streams > 0)',
    '$adoptedAt !== null)',
  ],
  [
    'what somebody has in hand is acted on',
    "$rule: 'leave', $when: ({ $observed }) => $isInHand || $removal !== null",
    "$rule: 'leave', $when: ({ $observed }) => $removal !== null",
  ],
  [
    'busy engines are drained',
    '!$isUnhealthy($observed) && !$isBusy($observed) && $unclaimed',
    '!$isUnhealthy($observed) && $unclaimed',
  ],
  [
    'an operator’s drain is undone',
    "($cause === 'surplus' || $cause === 'scaled_down') &&",
    '$cause !== null &&',
  ],
  [
    'outdated engines are replaced under their viewers',
    '$isSteady($observed) && $isNetworkUp($observed) && !$isBusy($observed) && $unclaimed === null',
    '$isSteady($observed) && $isNetworkUp($observed) && $unclaimed === null',
  ],
  ['a stream that survived is cut', 'if ($streams > 0 && ($stillMs ?? 0) < $graceMs) return false', ''],
  [
    'viewers whom no event reported are cut off by a restart',
    "? $isDue($strandedMs + $graceMs) : $viewers === 'nobody'",
    '? $isDue($strandedMs + $graceMs) : true',
  ],
  [
    'an unhealthy engine is taken from its viewers at once',
    'Math.max($sinceMs, $lastStreamAt ?? 0) + $graceMs',
    'Math.max($sinceMs, $lastStreamAt ?? 0)',
  ],
  ['moving bytes save nobody', '$isDue($lostMs) && $standsMs >= $graceMs', '$isDue($lostMs)'],
  [
    'what was seen long ago is acted on',
    '$sight !== null && $atMs >= $fromMs && $now - $atMs <= $FRESH_MS',
    '$sight !== null && $atMs >= $fromMs',
  ],
  [
    'a look from before the hiding decides',
    '$sight !== null && $atMs >= $fromMs && $now - $atMs <= $FRESH_MS',
    '$sight !== null && $now - $atMs <= $FRESH_MS',
  ],
  [
    'a connection that may be a viewer is none',
    "if ($connections === 'new') return 'open'",
    "if ($connections === 'new') return 'nobody'",
  ],
  [
    'an engine that hangs is kept for its dead connections',
    "return $connections === 'held' && !$isMute ?",
    "return $connections === 'held' ?",
  ],
  ['where nothing can tell, nobody watches', "$uncounted: 'unknown'", "$uncounted: 'nobody'", 'core/viewers'],
  ['a table that was cut is whole', '&& !$isCut &&', '&&', 'core/viewers'],
  [
    'Gluetun is not asked who is connected',
    'return [$containerId, $nodeId, ...$others]',
    'return [$containerId, ...$others]',
  ],
  [
    'engines that nothing can tell about leave no room for anybody',
    '$engines.length >= $max && $engines.some(($each) => $isKept($each, $policy))',
    'false',
  ],
  ['one denial ends a stream', 'const $DENIALS = 3', 'const $DENIALS = 1', 'core/streams'],
  [
    'what was said of an earlier start of an engine counts',
    'return $engine !== undefined && $isProbed($engine) && $generationOf($engine) === $generation',
    'return $engine !== undefined && $isProbed($engine)',
  ],
  [
    'a lost worker’s answers count on',
    "$forgetHealth() $forgetSessions() $forgetConnections() $sent = ''",
    "$forgetHealth(); $forgetConnections(); $sent = ''",
  ],
])
