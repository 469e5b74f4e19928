/**
 * Behaves like so many open pages for people, in a process of its own: `bun panels.ts ORIGIN COUNT`. Each follows the feed,
 * and asks for what the page of the plan asks for, which asks most. Prints a line when all have begun.
 */

const POLL_EVERY_MS = 2_000
const PATHS = ['orchestrator/plan', 'health/status']

if (import.meta.main) {
  const [origin = '', count = ''] = process.argv.slice(2)
  await Promise.all(
    Array.from({ length: Number(count) }, (_, n) => open(origin, (n * POLL_EVERY_MS) / Number(count))),
  )
  console.log('open')
}

/** Opens a page. Resolves when its feed has begun. It asks first after `restMs`: people do not open their pages at once. */
async function open(origin: string, restMs: number): Promise<void> {
  const feed = await good(`${origin}/events/stream`)
  const reader = feed.body?.getReader()
  if (reader === undefined) throw new Error('the feed is empty')
  await reader.read()
  void drain(reader)
  setTimeout(() => setInterval(() => void poll(origin), POLL_EVERY_MS), restMs)
}

async function drain(reader: { read(): Promise<{ readonly done: boolean }> }): Promise<void> {
  while (!(await reader.read()).done);
  throw new Error('the feed ended')
}

async function poll(origin: string): Promise<void> {
  await Promise.all(PATHS.map(async (path) => (await good(`${origin}/${path}`)).bytes()))
}

async function good(url: string): Promise<Response> {
  const answer = await fetch(url)
  if (!answer.ok) throw new Error(`${url}: ${answer.status}`)
  return answer
}
