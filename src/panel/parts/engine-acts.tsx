import { useContext, useState } from 'preact/hooks'
import { cutsOn } from '../acts/consent.ts'
import { ActsContext } from '../acts/context.ts'
import { destroyOrder, drainOrder, endOf } from '../acts/orders.ts'
import type { Engine } from '../api/types.ts'
import { dockerSilence } from '../reading/docker.ts'
import { count } from '../reading/words.ts'
import { PanelContext } from '../state/panel.ts'
import { ActBox } from './act-box.tsx'
import { CutDialog } from './cut-dialog.tsx'

/** What can be done to an engine. The outcome stays when the engine has gone. */
export function EngineActs({ name }: { readonly name: string }) {
  const { fleet } = useContext(PanelContext)
  const acts = useContext(ActsContext)
  const [isAsking, setIsAsking] = useState(false)
  // Whether an engine of this name is there is read first: a row that has gone is a signal no more.
  const engineNow = (): Engine | undefined =>
    fleet.engines.ids.value.includes(name) ? fleet.engines.row(name)?.value : undefined
  const cuts = () => {
    const engine = engineNow()
    return engine === undefined ? [] : cutsOn(engine, fleet.streams.all())
  }
  const engine = engineNow()
  const [drain, destroy] = [acts.of(`drain ${name}`), acts.of(`destroy ${name}`)]
  const silence = fleet.status.value === null ? null : dockerSilence(fleet.status.value)
  const gone = engine === undefined ? 'it is gone' : null
  return (
    <div class="acts">
      {(gone === null || drain.state.value.step !== 'idle') && (
        <ActBox
          act={drain}
          label="Drain"
          before={drainWords(cuts().length)}
          why={gone ?? silence ?? (engine?.status === 'draining' ? 'it is on its way out' : null)}
          onAct={() => void (engine !== undefined && drain.run(drainOrder(engine)))}
        />
      )}
      {(gone === null || destroy.state.value.step !== 'idle') && (
        <ActBox
          act={destroy}
          label="Destroy…"
          before={destroyWords(cuts().length)}
          why={gone ?? silence}
          onAct={() => setIsAsking(true)}
        />
      )}
      {isAsking && engine !== undefined && (
        <CutDialog
          title={`Destroy ${name}?`}
          consentWords={(n) => (n === 0 ? 'Destroy' : `Cut ${count(n, 'stream')} and destroy`)}
          effect={`Its container is removed at once.${expectedWords(engine)}`}
          cuts={cuts}
          onConfirm={() => void destroy.run(destroyOrder(engine))}
          onClose={() => setIsAsking(false)}
        />
      )}
    </div>
  )
}

const drainWords = (streams: number): string =>
  `hides it from acexy, cuts nothing; it goes ${streams === 0 ? 'in a moment' : `when ${endOf(streams)}`}`

const destroyWords = (streams: number): string =>
  streams === 0 ? 'removes it at once; asks first' : `cuts ${count(streams, 'stream')}; asks first`

const expectedWords = ({ expected_until, streams }: Engine): string =>
  expected_until !== null && streams.length === 0 ? ' A viewer may be on the way to it.' : ''
