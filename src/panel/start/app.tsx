import { useContext } from 'preact/hooks'
import { EnginePage } from '../pages/engine.tsx'
import { Journal } from '../pages/journal.tsx'
import { Overview } from '../pages/overview.tsx'
import { PlanPage } from '../pages/plan.tsx'
import { StreamPage } from '../pages/stream.tsx'
import { Banner, Shown } from '../parts/banner.tsx'
import { Header } from '../parts/header.tsx'
import { Settings, SettingsButton } from '../parts/settings.tsx'
import { Told } from '../parts/told.tsx'
import { PanelContext } from '../state/panel.ts'

/** The whole page. */
export function App() {
  return (
    <>
      <Header />
      <Banner />
      <Told />
      <Shown>
        <Page />
      </Shown>
      <SettingsButton place="foot" />
      <Settings />
    </>
  )
}

function Page() {
  const { page, id } = useContext(PanelContext).route.value
  if (page === 'journal') return <Journal />
  if (page === 'plan') return <PlanPage />
  if (page === 'engine' && id !== null) return <EnginePage name={id} />
  if (page === 'stream' && id !== null) return <StreamPage id={id} />
  return <Overview />
}
