import { mutations } from './mutation.ts'

/** A launch is committed before its caller gets an answer, passes one admission, and leaves nothing behind when it fails. */
export const PROVISIONING = mutations([
  [
    'MAX_REPLICAS is not checked in POST',
    '$engines < $maxReplicas ? null :',
    'true ? null :',
    'core/provisioning',
  ],
  [
    'a POST makes acexy wait for a breaker for minutes',
    '$eta <= $most ? $refusal : { ...$refusal, shouldWait: false }',
    '$refusal',
    'core/provisioning',
  ],
  [
    'a POST names the time of the status',
    '$refused($postRefusal($refusal, $waitS), $form)',
    '$refused($refusal, $form)',
    'wire',
  ],
  ['an unclaimed engine is refused at the cap', 'if ($unclaimed) return null', '', 'core/provisioning'],
  [
    'leases are not written',
    'for (const $lease of $leasesOf($engine)) $takeLease($tx, $lease, $now)',
    '',
    'control/provisioning',
  ],
  ['leases outlive their engine', 'if ($isMoved) $releaseLeases($tx, $id)', '', 'store'],
  ['a taken port is given again', 'if (!$isTaken($port)) return $port', 'return $port', 'core/engines'],
  ['an engine made anew keeps one port twice', '$had > 0 && !$used.includes($had)', '$had > 0'],
  [
    'an unclaimed engine is handed out twice',
    '{ $unclaimedSince: null, $claimKey: $key, $handedOutAt: $now, $startedAhead: false }',
    '{ $handedOutAt: $now, $startedAhead: false }',
  ],
  [
    'an engine that ended is unclaimed',
    '$endedAt: $now, $containerState: null, $unclaimedSince: null, $claimKey: null }',
    '$endedAt: $now, $containerState: null }',
    'control/engines',
  ],
  [
    'a key stands for a provision that failed',
    "if ($status === 'provisioning') $forgetKeysOf($tx, $engineId)",
    '',
  ],
  [
    'the second transaction comes before the start',
    `$checkpoint('after_create')
    try {
      await $start($id)
    } catch ($error) {
      return $startFailed($engine, $id, $failureOf($error))
    }
    $checkpoint('after_start')
    return $commit($engine, $id)`,
    `$checkpoint('after_create')
    const end = $commit($engine, $id)
    try {
      await $start($id)
    } catch ($error) {
      return $startFailed($engine, $id, $failureOf($error))
    }
    return end`,
  ],
  [
    'a refused container is left behind',
    'const $removed = await $remove($engine, $id)',
    'const $removed = true',
    'control/provisioning',
  ],
  [
    'an unknown outcome of a start is taken for a failure',
    "if ($code === 'unreachable') return $leave($engine, $failure) const $removed",
    'const $removed',
  ],
  [
    'a caller that gave up keeps its engine',
    'if ($waiters === 0) $unclaim($engineId)',
    '',
    'control/provisioning',
  ],
  ['a container is made that can not be written', "$note('provision.started', { $name })", ''],
])

/**
 * Only results that say something about the template's engines count for a breaker, and a trial holds its place no longer
 * than it lasts.
 */
export const BREAKER = mutations([
  [
    'an engine that we do not reach opens the breaker',
    "$engine.status === 'starting' && !$report.isBeyondUs ? $breakers : null",
    "$engine.status === 'starting' ? $breakers : null",
  ],
  [
    'half-open lets everybody through',
    "if ($state === 'half_open') return $trial === null ? null : $eta",
    'return null',
  ],
  [
    'a failed trial leaves the breaker half-open',
    'const $trips = $isTrial ||',
    'const $trips =',
    'core/provisioning',
  ],
  [
    'the place of a trial is never freed',
    '{ ...$breaker, $trialEngineId: null } : $breaker',
    '$breaker : $breaker',
  ],
  [
    'a trial is not noted',
    '$take($tx, $engine, $now) $noteStart($tx, $engine, $now, $breakers)',
    '$take($tx, $engine, $now)',
  ],
  [
    'a caller’s own image closes provisioning for all',
    '$configHash === $templateHash && Object.keys($env).length === 0',
    'Object.keys($env).length === 0',
  ],
  [
    'a caller’s own engine is a trial',
    'if (!$isAsTemplate($engine, $settings)) return',
    '',
    'control/engines',
  ],
  [
    'a failed engine is not told to the breaker',
    'if ($fault !== null && $readyAt === null) return $noteFault($tx, $engine, { $now, $reason }, $fault)',
    '',
  ],
  [
    'the breaker is fed by faults of Docker',
    "if ($effect === 'none') return $fail($engine, $unavailable($message))",
    "if ($effect === 'none') return $fail($engine, $unavailable($message), true)",
  ],
])
