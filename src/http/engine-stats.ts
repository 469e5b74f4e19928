import { type Static, Type } from '@sinclair/typebox'
import { Elysia } from 'elysia'
import { InvalidProblem, Problem, problem } from './problems.ts'
import { ContainerId, Count, Nullable, NullableCount, NullableTime, Text } from './schemas.ts'
import { Name } from './texts.ts'

const NullableNumber = (description: string) => Nullable(Type.Number({ minimum: 0 }), description)

export const EngineStats = Type.Object(
  {
    container_id: ContainerId(),
    container_name: Text('Name of its container'),
    collected_at: NullableTime('When this was collected; null before the first time'),
    cpu: Nullable(
      Type.Object(
        {
          cores: Type.Number({ minimum: 0, description: 'Processor use: 1 is a whole core' }),
          limit_cores: NullableNumber(
            'The cores that it may use; null for no limit, and if that is not known',
          ),
          share: NullableNumber('`cores` as a part of the limit, 1 for all of it; null without a limit'),
        },
        { title: 'CpuUse', description: 'Use of processors' },
      ),
      'Its processor use since the collection before; null if that is not known',
    ),
    memory: Nullable(
      Type.Object(
        {
          bytes: Count('What it occupies, without files in memory that were not used lately'),
          limit_bytes: NullableCount('What it may occupy; null for no limit, and if that is not known'),
          share: NullableNumber('`bytes` as a part of the limit, 1 for all of it; null without a limit'),
        },
        { title: 'MemoryUse', description: 'Use of memory' },
      ),
      'Its memory; null if that is not known',
    ),
    network: Nullable(
      Type.Object(
        {
          received_bytes: Count('Bytes received since its container started'),
          sent_bytes: Count('Bytes sent since its container started'),
          received_per_second: NullableCount('Bytes received per second; null before the second collection'),
          sent_per_second: NullableCount('Bytes sent per second; null before the second collection'),
        },
        { title: 'NetworkUse', description: 'Use of the network' },
      ),
      "Its network; null without a network of its own: what a VPN node carries is all its engines'",
    ),
    block_io: Nullable(
      Type.Object(
        {
          read_bytes: Count('Bytes read from disks since its container started'),
          written_bytes: Count('Bytes written to disks since its container started'),
        },
        { title: 'BlockUse', description: 'Use of disks' },
      ),
      'Its disks; null if the kernel does not count that',
    ),
  },
  { title: 'EngineStats', description: 'What an engine uses of the machine' },
)

/** What this route needs. It waits for nothing. */
export interface UsageQueries {
  one(idOrName: string): Static<typeof EngineStats> | null
}

export const engineStatsRoutes = (usage: UsageQueries) =>
  new Elysia({ name: 'routes.engine-stats', tags: ['engines'] }).get(
    '/engines/:id/stats',
    ({ params }) =>
      usage.one(params.id) ??
      problem({ status: 404, code: 'engine_not_found', message: `no engine ${params.id}` }),
    {
      params: Type.Object({
        id: Name('Container id (whole, or 12 characters of it and more), name or engine id'),
      }),
      response: { 200: EngineStats, 404: Problem, 422: InvalidProblem },
      detail: {
        operationId: 'getEngineStats',
        summary: 'Tells what an engine uses: processor, memory, network and disks.',
        description:
          'Nothing is asked for it: this is collected in the background, every 5 to 10 s while somebody asks, and ' +
          'every 30 s else; less often with more than 20 engines. `collected_at` says when.',
      },
    },
  )
