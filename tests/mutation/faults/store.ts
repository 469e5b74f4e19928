import { mutations } from './mutation.ts'

/** One process holds a database. In an outage nothing is decided, and nothing that was reported only once is lost. */
export const STORAGE = mutations([
  [
    'what was kept is never written',
    '$transaction(($tx) => void $work($tx), { $behavior',
    '$transaction(($tx) => void $tx, { $behavior',
  ],
  ['what was kept is kept for ever', 'throw $error } $kept.shift() }', 'throw $error } }'],
  [
    'kept work has no bound',
    'if ($kept.length >= $KEPT_MAX || $size + $added > $SIZE_MAX)',
    'if ($size + $added > $SIZE_MAX)',
  ],
  [
    'a file that was moved is not noticed',
    'if ($lost !== null) $begin($moved($lost))',
    'if (false) $begin($moved($lost))',
  ],
  [
    'an event that can not be written is refused',
    '$outcomeOf(() => this.transactOrKeep($work, $size))',
    '$outcomeOf(() => this.transact($work))',
  ],
  [
    'events of one commit that can not be written are refused',
    'return $parts.map(({ $work, $size }) => $outcomeOf(() => this.$keep($outage, $work, $size)))',
    'throw $outage.failure',
  ],
  [
    'an event that fails leaves something behind in a commit of several',
    '$outcomeOf(this.$writable().client.transaction($work))',
    '$outcomeOf($work)',
  ],
  [
    'an event that fails undoes those that share its commit',
    "if ('error' in $outcome && $storageFailureOf($outcome.error) !== null) throw",
    "if ('error' in $outcome) throw",
  ],
  [
    'a full disk is an error of the event that met it',
    "if ('error' in $outcome && $storageFailureOf($outcome.error) !== null) throw $outcome.error",
    '',
  ],
  [
    'events of one commit are all told as of one caller',
    '$noted.findLast(({ $after }) => $after < $entry.id)',
    '$noted.at(-1)',
  ],
  [
    'an outage of the storage never ends',
    'const $now = $recover() if ($now !== null) $tell($now) else $recovered($before, $kept)',
    '$tell($before)',
  ],
  ['the database has any size', 'if ($bytes <= $maxBytes) return false', 'if ($bytes > 0) return false'],
  [
    'what is live takes all the history',
    '$time.get({ $skip: $KEPT_ROWS }) !== undefined',
    '$time.get({ $skip: $KEPT_ROWS }) !== null',
  ],
  [
    'two processes have one database',
    "$run('BEGIN IMMEDIATE') if (!$isNamed",
    "$run('BEGIN; COMMIT'); if (!$isNamed",
  ],
  ['a backup overwrites a file', "$openSync($file, 'wx', $PRIVATE)", "$openSync($file, 'w', $PRIVATE)"],
  [
    'a restored database takes the place of one that is not kept',
    'const $kept = $size === 0 ? null : $keep($target,',
    'const $kept = $size >= 0 ? null : $keep($target,',
  ],
  [
    "somebody else's containers are removed with the engines",
    '|| null if ($installation === null) return $isEngineContainer($container)',
    '|| null; if ($installation === null) return true',
  ],
  [
    'the winner of two starts goes by the name of the loser',
    'if (!$isNamed || $isSame($ownerIn($file), $owner)) return',
    'return',
  ],
  [
    'a database has a lock for each of its paths',
    '$createPrivate($path) return realpathSync($path)',
    '$createPrivate($path); return $path',
  ],
])

/** Every table stays within its bound, and a stream ends once. */
export const STREAMS = mutations([
  [
    'a stop leaves the stream started',
    'const $session = await $stopAtEngine($newest) const $ended = $endRecord($newest.$rowId, $STOPPED) return { ...$ended, $session }',
    'const $session = await $stopAtEngine($newest); return { updated: true, stream: $newest, $session }',
  ],
  [
    'any path of an engine is called',
    '|| !$canBeAsked($engine) || !$isCommandPath($path)) return',
    '|| !$canBeAsked($engine)) return',
  ],
  ['samples of one stream have no bound', 'if ($seq > $perStream) $trim($tx)', 'if (false) $trim($tx)'],
  [
    'samples of all streams have no bound',
    'if ($newest !== undefined && $newest.$id > $keep) $tx.delete(',
    'if (false) $tx.delete(',
  ],
  [
    'streams without an engine are kept without a bound until the next sweep',
    'if ($engine === null) $endInBooks($tx, $unmatchedBeyond($tx, $MAX), $FORGOTTEN, $now)',
    '',
  ],
  [
    'an engine has any number of streams',
    '$records < $max && $bytes < $max * $STREAM_BYTES',
    '$bytes < $max * $STREAM_BYTES',
  ],
  [
    'a record takes all its samples with it at once',
    'if ($gone.all().length === $BATCH) return true',
    '$gone.all()',
  ],
  ['a stall is not shown', '$known.$stalled === $stalled && ($known.$sample', '($known.$sample'],
  [
    'figures of a stream are read once',
    '$db === this.$own && $statistics.version() === this.$samplesVersion',
    '$db === this.$own',
  ],
])
