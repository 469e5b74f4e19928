import { mutations } from './mutation.ts'

/** Engines are put on hosts that take them, told where they are, and given up with a host that is lost or drained. */
export const HOSTS = mutations([
  [
    'silent engines of a lost host are listed',
    "{ when: ({ $host }) => $host === 'lost', $reason",
    '{ when: () => false, $reason',
  ],
  [
    'engines of a drained host are listed',
    "{ when: ({ $host }) => $host === 'drained', $reason",
    '{ when: () => false, $reason',
  ],
  [
    'engines of a lost host are kept',
    "$host?.condition === 'lost' && $agenda.isDue($host.sinceMs",
    'false && $agenda.isDue($host.sinceMs',
  ],
  [
    'an engine that answers is given up with its host',
    "return $answers ? { ...$host, $condition: 'up' } : $host",
    'return $host',
  ],
  [
    'what an engine answered before its host was lost counts',
    '$health.lastOkMs !== null && $health.lastOkMs >= $host.sinceMs',
    '$health.lastOkMs !== null',
  ],
  [
    'engines of a drained host are kept',
    "when: ({ $observed }) => $observed.host?.condition === 'drained' && !$observed.isRunning,",
    'when: () => false,',
  ],
  ['an engine that is given up with its host counts', '!$stopped.has($observed.engine.id) && !(', '!('],
  [
    'an engine of a lost host stays ready',
    "transition($tx, $engineId, ['starting', 'ready'], 'draining') const $engine",
    'const $engine',
  ],
  ['engines are put on a host that is down', "($isUp ? null : 'is down')", 'null'],
  ['engines are put on a host that takes none', "($isOpen ? null : 'takes no containers')", 'null'],
  [
    'what a POST gives is on any host',
    '$only: $isOwn ? null : $callersHost',
    '$only: null',
    'control/provisioning',
  ],
  [
    'an engine is told at the address of another host',
    '$host: this.$hostOf($engine) ?? $advertiseHost',
    '$host: $advertiseHost',
  ],
  [
    'an engine is created where it was not put',
    '...($engine.host === null ? {} : { $host: $engine.host.id }),',
    '',
  ],
  [
    'the streams of a drained host end for another reason',
    "if ($stop.isByDrain) return 'host_drained'",
    "if (false) return 'host_drained'",
  ],
])
