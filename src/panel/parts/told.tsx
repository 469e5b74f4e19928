import { useContext } from 'preact/hooks'
import { ActsContext } from '../acts/context.ts'

/** The one line in which the outcome of every act is read aloud. It is seen in its place beside the act's button. */
export function Told() {
  const { told } = useContext(ActsContext)
  return (
    <p class="told" role="status">
      {told.value}
    </p>
  )
}
