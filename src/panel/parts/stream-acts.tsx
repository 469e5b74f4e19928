import { useContext, useState } from 'preact/hooks'
import { ActsContext } from '../acts/context.ts'
import { stopOrder } from '../acts/orders.ts'
import type { Stream } from '../api/types.ts'
import { shortId } from '../reading/words.ts'
import { ActBox } from './act-box.tsx'
import { CutDialog } from './cut-dialog.tsx'

/** What can be done to a stream. The outcome stays when the stream has ended. */
export function StreamActs({ stream }: { readonly stream: Stream }) {
  const [isAsking, setIsAsking] = useState(false)
  const act = useContext(ActsContext).of(`stop ${stream.id} ${stream.record}`)
  const hasEnded = stream.status === 'ended'
  if (hasEnded && act.state.value.step === 'idle') return null
  return (
    <div class="acts">
      <ActBox
        act={act}
        label="Stop…"
        before="cuts this stream at its engine; asks first"
        why={hasEnded ? 'it has ended' : null}
        onAct={() => setIsAsking(true)}
      />
      {isAsking && (
        <CutDialog
          title={`Stop ${shortId(stream.key)}?`}
          consentWords={() => 'Cut this stream'}
          effect="Its engine ends the session; the engine stays."
          cuts={() => (hasEnded ? [] : [{ id: stream.id, stream }])}
          onConfirm={() => void act.run(stopOrder(stream))}
          onClose={() => setIsAsking(false)}
        />
      )}
    </div>
  )
}
