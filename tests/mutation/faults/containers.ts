import { mutations } from './mutation.ts'

/** No engine is lost (a container that nobody knows), and none is imagined (an engine without a container). */
export const CONTAINERS = mutations([
  ['resume skips containers that were created only', "new Set<$State>(['created'])", 'new Set<$State>([])'],
  [
    'containers of engines that are history are left',
    "{ $when: $isHistory, $outcome: { $kind: 'reap',",
    "{ $when: $isHistory, $outcome: { $kind: 'leave',",
  ],
  [
    'a cut-off provision that runs is undone',
    "$outcome: { $kind: 'finish' }",
    "$outcome: { $kind: 'undo', reason: '' }",
  ],
  [
    'unknown engines are not adopted',
    "$when: ({ $engine }) => $engine === null, $outcome: { $kind: 'adopt' }",
    "$when: ({ $engine }) => $engine === null, $outcome: { $kind: 'leave' }",
  ],
  [
    'the container of an engine that is history is taken for a copy',
    '$engine !== null && $itsId !== null && $itsId !== $id',
    '$engine !== null',
  ],
  ['what is new is removed at once', '$isYoung === true && !$isLate($pair)', 'false'],
  ['an engine without its container lives on', "$outcome: { $kind: 'gone',", "$outcome: { $kind: 'leave',"],
  [
    'a gap is followed by no thorough look',
    'const $isThorough = $isNeeded $isNeeded = false return $isThorough',
    'const $isThorough = false; $isNeeded = false; return $isThorough',
  ],
  ['Docker’s return is not noticed', '$stale($watch().$sinceMs) $passSoon()', ''],
  [
    'an observation that was overtaken is believed',
    'if ($isOvertaken) return null const $engine = $seen === null ?',
    'const $engine = $seen === null ?',
  ],
  [
    'a removal is decided on one look',
    'if ($sight !== null && $seen !== null && $isRemoval($decide($engine, $seen)))',
    'if (false)',
  ],
  ['what stands still is removed by force', 'if (!$standsStill($state)) {', "if ($state !== 'removing') {"],
  [
    'a container that was started meanwhile counts as removed',
    'throw $error return $now === null',
    'throw $error; return true',
  ],
  ['deaths that are heard hide nothing', 'return $stopped.add($id) $version++', 'return; $version++'],
  [
    'a gap leaves everything current',
    '$watch = { $isCurrent: false, $sinceMs }',
    '$watch = { $isCurrent: true, $sinceMs }',
  ],
  [
    'probes of an earlier process count',
    'const $isCurrent = $engine !== undefined && $isProbed($engine) && $generationOf($engine) === $generation',
    'const $isCurrent = $engine !== undefined && $isProbed($engine)',
  ],
  [
    'streams outlive a restart of their engine',
    '$endStreams($tx, $id, $reason, $now, Math.min($startedAt ?? $now, $now))',
    '',
  ],
  [
    'a restart ends streams of the new process too',
    '.filter(({ $startedAt }) => $startedAt < $beforeMs)',
    '',
    'control/engines',
  ],
  [
    'streams outlive their engine',
    "$endStreams($tx, $id, $streams, $now) if ($status === 'provisioning')",
    "if ($status === 'provisioning')",
  ],
])

/** No container of another installation is ever changed. */
export const INSTALLATIONS = mutations([
  [
    'a container of others whose label names an engine of ours is ours',
    'return $engine === null || !$isLive($engine) || $itsId !== $id',
    'return $engine === null || !$isLive($engine)',
  ],
  [
    'a new database takes nothing over',
    "if ($takesOver && !$hasHadEngines($tx)) $setTakeOver($tx, 'unseen')",
    '',
  ],
  [
    'every database without an id is new',
    "if ($takesOver && !$hasHadEngines($tx)) $setTakeOver($tx, 'unseen')",
    "if ($takesOver) $setTakeOver($tx, 'unseen')",
  ],
  [
    'what stands still is taken over',
    '$unusable($container) === null && !$standsStill($state) &&',
    '$unusable($container) === null &&',
  ],
  [
    'any container with our label is ours',
    '$labels[$key] === $value && !$isOthers($container)',
    '$labels[$key] === $value',
  ],
  [
    'an engine carries no id of its installation',
    "[$INSTALLATION]: $id, [$ENGINE]: $engineId, [$CONFIG]: $hash, 'acestream.http_port'",
    "[$ENGINE]: $engineId, [$CONFIG]: $hash, 'acestream.http_port'",
  ],
  ['the containers of others are touched', "{ $when: $isOthers, $outcome: { $kind: 'leave' } },", ''],
  [
    'what stands still under another id is taken over',
    '$isOthers($pair) && $isLeftToUs === true && $runs($pair)',
    '$isOthers($pair) && $isLeftToUs === true',
  ],
])
