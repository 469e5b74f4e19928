import { mutations } from './mutation.ts'

/** With a VPN configured, no proxy is given an engine outside it. */
export const OUTSIDE_VPN = mutations([
  [
    'engines outside the VPN are listed',
    "$when: ({ $trouble }) => $trouble === 'outside'",
    '$when: () => false',
  ],
  [
    'a caller is given an engine outside the VPN that waits',
    'if ($outside($engine) !== null) return true',
    '',
  ],
  [
    'a key is answered with an engine outside the VPN',
    'if ($outside($engine) !== null) return null',
    '',
    'control/provisioning',
  ],
  [
    'an engine from before the VPN is taken for one behind it',
    '$joins === null && ($node === null || $startedAt !== null)',
    'false',
  ],
  [
    'whose network an engine has joined is judged before that is known',
    "$nodes.every(({ $lookedAt }) => $lookedAt !== null) ? 'other_network' : null",
    "'other_network'",
  ],
  [
    'an engine outside speaks for the tunnel of its node',
    "$namespaceOf($engine, $container) === 'alive' && $outside($engine) === null",
    "$namespaceOf($engine, $container) === 'alive'",
  ],
  [
    'an engine outside the VPN shares the fate of the node that its row names',
    'const $node = $outside === null ? $nodeOf($engine, $nodes) : null',
    'const $node = $nodeOf($engine, $nodes)',
  ],
  [
    'an engine outside the VPN is stopped though it may go on',
    "if ($kind !== 'own_network' || !$isStrict) return false",
    "if ($kind !== 'own_network') return false",
  ],
  [
    'an engine in the network of another container is stopped',
    "if ($outside?.$kind !== 'own_network' || !$isStrict) return false",
    'if ($outside == null || !$isStrict) return false',
  ],
  [
    'an engine is put behind a VPN that is not up',
    '$isStoppedOutside($observed) && $isNodeUp === true',
    '$isStoppedOutside($observed)',
    'core/plan',
  ],
  [
    'an engine is stopped for a network that it has not any more',
    '&& ($joins === null || !$ABOUT_NETWORK.has($rule))',
    '',
  ],
  [
    'streams outlive the stop of their engine outside the VPN',
    "const $streams = $endStreams($tx, $id, 'outside_vpn', $now)",
    'const $streams = 0',
  ],
])

/** Facts about a node and its tunnel are trusted only as far as they reach, and engines follow their network. */
export const VPN_NODES = mutations([
  [
    'a node is up before its control server was asked',
    'if ($own === null && $control === null && $isGluetun)',
    'if (false)',
    'core/vpn',
  ],
  [
    'a health check alone hides what plays',
    'if (!$isProven && !$isUndecided) return',
    'if (!$isUndecided) return',
    'core/vpn',
  ],
  [
    'the word of a health check does not wait for the others after a start',
    'if (!$isProven && !$isUndecided) return',
    'if (!$isProven) return',
    'core/vpn',
  ],
  [
    'what moved before a bad sign speaks for a node',
    '$atMs !== null && $atMs > $brokenMs ? $atMs : null',
    '$atMs',
    'core/vpn',
  ],
  [
    'most engines that are cut off hide one that plays',
    '2 * $cut.length > $fresh.length && !$isProven($fresh, $lastCutMs($cut) ?? 0, $moved, $now)',
    '2 * $cut.length > $fresh.length',
    'core/vpn',
  ],
  [
    'a connection from before the loss holds a dead tunnel',
    'if ($well.some(({ $since }) => ($since ?? 0) > $cutMs)) return true',
    'if ($well.length > 0) return true',
    'core/vpn',
  ],
  ['a node is up as soon as nothing is wrong', 'Math.max($wrongMs, $startedMs) + $stableMs - $now', '0'],
  ['evidence is believed for ever', '!$needsProof && $now - $sinceMs > $MAX_MS', 'false', 'core/vpn'],
  [
    'a dead tunnel that nobody else finds is taken for well after a time',
    '!$needsProof && $now - $sinceMs > $MAX_MS',
    '$now - $sinceMs > $MAX_MS',
    'core/vpn',
  ],
  [
    'engines that say nothing any more end a doubt',
    '$earlier !== null && $isStanding($earlier, $heard, $now) ? $earlier : null',
    'null',
    'core/vpn',
  ],
  ['a doubt outlives the last engine that could refute it', '$evidence.engines > 0 && !', '!', 'core/vpn'],
  [
    'what engines said before Gluetun came back counts',
    'const $loss = $tunnelLoss($evidence, $recoveredMs, $movedMs, $now)',
    'const $loss = $tunnelLoss($evidence, 0, $movedMs, $now)',
    'core/vpn',
  ],
  [
    'engines are tried again and again',
    '$behind.some(({ $isInHand }) => $isInHand) || !$isDue($lastMs + $waitMs)',
    '$behind.some(({ $isInHand }) => $isInHand)',
    'core/plan',
  ],
  ['an engine in a dead namespace is let alone', "return $isOlder ? 'dead' : 'alive'", "return 'alive'"],
  ['a single no is enough', 'const $REFUSALS_MIN = 2', 'const $REFUSALS_MIN = 1', 'core/vpn'],
  [
    'one engine alone tells that the tunnel works for others',
    '$isLeftBehind || $others.some',
    'true || $others.some',
    'core/vpn',
  ],
  ['restarts are not rolling', '$due.slice(0, $isRolling ? 1 : $due.length)', '$due'],
  [
    'engines get no time to come back',
    'if (!$isDue(Math.max($sinceMs ?? 0, $strandedMs) + $graceMs)) return false',
    'if (!$isDue(Math.max($sinceMs ?? 0, $strandedMs))) return false',
  ],
  ['engines are placed behind a node that is not up', "$state === 'up' && $hasPort", '$hasPort', 'core/vpn'],
  [
    'engines whose network is gone are not made anew',
    "$isNetworkGone($observed) && $namespace === 'foreign'",
    'false',
  ],
  [
    'two engines carry the forwarded port',
    '$offered.filter(($port) => !this.$deps.$ports.isLeased($db, $scope, $port))',
    '$offered',
  ],
  [
    'an engine is renewed for a forwarded port that has not stood',
    '$now - $sinceMs >= $STEADY_MS ? [$port] : []',
    '[$port]',
  ],
  [
    'an engine is renewed each time that a forwarded port has stood',
    'Math.min($free.length, $forwardedPorts.length - $lately)',
    '$free.length',
  ],
  [
    'a forwarded port that flaps is given to engines',
    '$flapsOf($history, $now) === null ? $toldPorts($history) : $steadyPorts($history, $now)',
    '$toldPorts($history)',
  ],
  [
    'a forwarded port at which Gluetun listens is given to engines',
    '$ports.filter(($port) => !this.$settings.$own.includes($port))',
    '$ports',
  ],
  [
    'ports in the network of a node are not leased',
    "['https', $httpsPort], ['api', $apiPort], ['p2p', $p2pPort]",
    "['https', $httpsPort]",
  ],
])
