import { mutations } from './mutation.ts'

/**
 * Nothing is decided on facts that may be out of date. The fleet has as many engines as are wanted, and changes one step at
 * a time.
 */
export const PLAN = mutations([
  [
    'decisions are made while Docker is away',
    'if ($frozen !== null) return { ...$result, $actions: [],',
    'if (false) return { ...$result, $actions: [],',
  ],
  [
    'plans go on while nothing can be written',
    'const $storage = $failure() if ($storage !== null) return',
    'const $storage = $failure(); if (false) return',
  ],
  [
    'spares are not kept beside the busy',
    'Math.max($minReplicas, $busy + $minFree)',
    'Math.max($minReplicas, $minFree)',
  ],
  [
    'more is wanted than the cap allows',
    'Math.min(Math.max($minReplicas, $busy + $minFree), $maxReplicas)',
    'Math.max($minReplicas, $busy + $minFree)',
  ],
  [
    'own starts know no cap',
    '$room = $max - $engines.length $slots = $concurrent - $engines.filter($isOwn).length',
    '$room = 99; $slots = $concurrent - $engines.filter($isOwn).length',
  ],
  [
    'starts that failed are tried again at once',
    'if (!$isDue($heldUntilMs)) return $wait(',
    'if (false) return $wait(',
    'core/plan',
  ],
  ['a failed start holds nothing', "if ($kind === 'failed') $hold()", ''],
  [
    'booting engines are not counted',
    "($status === 'provisioning' || $status === 'starting' || $status === 'ready')",
    "$status === 'ready'",
  ],
  [
    'an engine that is being removed for its failure counts',
    'if ($isFailing) $failing.add(',
    'if (false) $failing.add(',
    'core/plan',
  ],
  [
    'one failed probe makes an engine unhealthy',
    "$failures >= $threshold ? 'unhealthy' :",
    "$failures > 0 ? 'unhealthy' :",
  ],
  ['adopted engines count as idle', '$streams > 0 || $adoptedAt !== null', '$streams > 0'],
  [
    'draining engines are listed',
    "{ $when: ({ $engine }) => $status === 'draining',",
    '{ $when: () => false,',
  ],
  [
    'unclaimed engines are listed',
    '$when: ({ $engine }) => $engine.unclaimedSince !== null',
    '$when: () => false',
  ],
  [
    'idle engines are removed without AUTO_DELETE',
    '$autoDelete ? $left : $wanted + $left - $maxReplicas',
    'true ? $left : $wanted + $left - $maxReplicas',
  ],
  ['too many are drained at once', '.slice(0, $surplus - $ill.length)', ''],
  [
    'a scale order outlives a changed MIN_REPLICAS',
    'const $order = $storedOrder($db) return $given === $minReplicas ? $order : null',
    'return $storedOrder($db)',
    'store',
  ],
  [
    'a scale order comes back with the former MIN_REPLICAS',
    'guarded(() => $operator.endVoidOrder(), $edge',
    'guarded(() => undefined, $edge',
  ],
  [
    'an order that overrides nothing is told',
    'return $isOther && $order !== null ? {',
    'return $order !== null ? {',
  ],
  ['dead contents accuse an engine', 'if ($elsewhere.some($isFruitless)) continue', ''],
  ['an engine is accused though others were not tried', 'if ($played < $unknown) return false', ''],
  [
    'what an engine has played since does not clear it',
    '$atMs > $playedMs && $fromMs >= $startedMs',
    '$fromMs >= $startedMs',
  ],
  [
    'the last engine of use is replaced',
    '$fruitless !== undefined && $engines.some(($each) => $each !== $fruitless && $isOfUse($each))',
    '$fruitless !== undefined',
  ],
  ['several replacements at a time', 'if ($isReplacing($situation, $byId)) return []', ''],
  [
    'a replaced engine goes before its successor is ready',
    '($each) => $replaces !== null && $isSteady($each) && !$isUnhealthy($each)',
    '($each) => $replaces !== null',
  ],
  [
    'no cooldown between replacements',
    'return $replacement === null || $isDue($atMs + $cooldownMs)',
    'return true',
  ],
  ['successors are forgotten', 'if ($replacement === null || $isStarted ||', 'if (true ||'],
])
