import { Type } from '@sinclair/typebox'
import { ContainerId, Count, Nullable, NullableCount, NullableTime, Text } from './schemas.ts'

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

/** What is told of each of many engines. */
export const EngineUse = Type.Pick(
  EngineStats,
  ['container_id', 'container_name', 'collected_at', 'cpu', 'memory'],
  { title: 'EngineUse', description: 'What an engine uses of processors and memory' },
)
