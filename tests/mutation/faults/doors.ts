import { mutations } from './mutation.ts'

/** Input from outside is untrusted until it was parsed, and its size is limited. */
export const DOORS = mutations([
  [
    'callers are remembered without a bound',
    '$told.has($caller) || $told.size >= $CALLERS_MAX',
    '$told.has($caller)',
  ],
  [
    'whoever has no key starts any image',
    '$images !== null && !$images.some',
    '$images !== null && $images.some',
  ],
  [
    'a container takes the ports of engines',
    'const $message = $keptError($hostPort, $kept) ?? $twice',
    'const $message = $twice',
  ],
  ['one character of an id is enough', "if ($text.length < $CHARACTERS_MIN) return { $kind: 'short' }", ''],
  ['a NUL is taken in a value', "$text.isWellFormed() && !$text.includes('\\0')", '$text.isWellFormed()'],
  [
    'a slip in a name is passed over',
    '$isTolerant($request.method, $route) ? undefined : $hooksOf($request, $route)',
    'undefined',
  ],
  [
    'names that all objects inherit are known',
    'Object.hasOwn($shape, $name)) delete',
    '$name in $shape) delete',
  ],
  ['a map has no sum', '} if ($total > $TOTAL_MAX) yield {', '} if (false) yield {'],
  ['every text of a proxy has a series', "$CLASSES.find(($each) => $each === $reason) ?? 'other'", '$reason'],
])

/**
 * No feed subscriber holds more than its limits, it learns what it lost, and nothing is done while there is no subscriber.
 */
export const FEED = mutations([
  [
    'a slow reader has all that it did not take',
    'if ($frames.length >= $framesMax || $bytes >= $bytesMax) return false',
    'if ($bytes >= $bytesMax) return false',
  ],
  [
    'large frames are not counted',
    'if ($frames.length >= $framesMax || $bytes >= $bytesMax) return false',
    'if ($frames.length >= $framesMax) return false',
  ],
  [
    'the feed works for nobody',
    'if ($cancelRound !== null || $subscriptions.size === 0) return',
    'if ($cancelRound !== null) return',
  ],
  ['what lasts takes any number of readers', 'if ($taken >= $max || $here >= $most) return null', ''],
  ['a reader who left keeps its place', 'if ($isTaken) $add($address, -1)', ''],
  [
    'a reader that joins jumps over news of the others',
    'if ($live().length > 0) $round() else $begin()',
    '$begin()',
  ],
  ['a slow reader is not told where its loss begins', '$fromId: $drop() ?? $nextId', '$fromId: $nextId'],
])

/** Work begins in a task of its own, and only one task at a time works on a key. */
export const WORK = mutations([
  [
    'a key is marked as worked on when its synchronous part has run',
    '$working.set($key, $promise) void $process($key).finally($resolve)',
    'void $process($key).finally($resolve); $working.set($key, $promise)',
  ],
  [
    'work begins before answers are sent',
    '$isAsked = true $soon(() => { $isAsked = false',
    '$isAsked = true; queueMicrotask(() => { $isAsked = false',
  ],
  [
    'a failure that a caller waits for is counted twice',
    "if ($kind === 'failed' && !$isAwaited)",
    "if ($kind === 'failed')",
  ],
])
