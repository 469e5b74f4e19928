import { mutations } from './mutation.ts'

/** What a proxy will have chosen counts as used, and looking alone does nothing. */
export const PROXIES = mutations([
  [
    'attempts count on engines that do not answer',
    "$facts.health($id, $clock.now()).verdict === 'healthy'",
    'true',
    'control/streams',
  ],
  ['attempts count beside a stream that plays', '$rows.read().started.size > 0', 'false', 'control/streams'],
  ['a choice counts for nothing', '$expected.chosen($engine)', ''],
  [
    'a choice outlives the process that was chosen',
    '$choices.get($engine.id)?.filter(($each) => isOfStart($each, generationOf($engine)))',
    '$choices.get($engine.id)',
  ],
  ['a choice is never over', '$nowMs - $atMs < $EXPECTED_MS', '$nowMs >= $atMs', 'core/proxies'],
  ['a reported stream stays expected', '$expected.reported($used.id)', ''],
  [
    'a stream that is reported stays expected on an engine that was given',
    'return $isReported ? null : $handedOutAt',
    'return $handedOutAt',
    'core/proxies',
  ],
  [
    'an engine that a key is given again is expected from the first answer only',
    '$engine.unclaimedSince === null ? $giveAgain($tx, $engine) :',
    '$engine.unclaimedSince === null ? $engine :',
  ],
  [
    'an engine that was chosen counts as used no later than others',
    'Math.max($expected.sinceMs, $newestMs + 1 + $times.lastIndexOf($expected.sinceMs))',
    '$expected.sinceMs',
  ],
  [
    'a forwarded engine is preferred though it was chosen',
    'isForwarded: $engine.isForwarded && !$isOther',
    'isForwarded: $engine.isForwarded',
  ],
  ['a chosen engine is among the first', '$isFirst ? 0 : 2) + ($isExpected ? 1 : 0)', '$isFirst ? 0 : 2)'],
  ['somebody who only looks is taken for a proxy', 'if (!$isProxy) return', '', 'control/proxies'],
  [
    'a walk belongs to any list',
    '$before.lists.filter(($list) => $isNext($list, $before, $containerId))',
    '$before.lists',
  ],
  [
    'a single question ends a walk that is further on',
    '$b.answers.length - $a.answers.length',
    '$a.answers.length - $b.answers.length',
  ],
  ['choices start spares without end', '$policy.minFree - $beyond', '$policy.maxReplicas'],
  [
    'no spare starts at a choice',
    'wantedNumber($policy, $busy + $expected.length)',
    'wantedNumber($policy, $busy)',
  ],
  [
    'no spare starts for an engine that was given',
    'needed: Math.max(wantedNumber($policy, $busy + $given), $least)',
    'needed: Math.max(wantedNumber($policy, $busy), $least)',
  ],
  ['an engine is drained that was chosen', 'isIdle($each) && !isChosen($each)', 'isIdle($each)'],
  [
    'at the maximum anybody gets a free engine',
    '$hash === $PLAIN_HASH && $clock.now() - this.#fullMs <= $viewerWaitMs',
    '$hash === $PLAIN_HASH',
  ],
  [
    'a caller that waits gets an engine that another was given',
    '($started.get($engine.id) ?? 0) + ($listings.expectedOn($engine)?.streams ?? 0)',
    '($started.get($engine.id) ?? 0)',
  ],
  [
    'the next list lacks an engine that a caller was just given, where we do not reach it',
    '$hasStream || this.expectedOn($engine)?.isHandedOut === true',
    '$hasStream',
  ],
  [
    'a caller that waits gets a hidden engine',
    '$engine.adoptedAt === null && $isFit($engine) && $listings.of($engine, $started.has($engine.id)).listed',
    '$engine.adoptedAt === null && $isFit($engine)',
  ],
])
