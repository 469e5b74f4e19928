import { createContext } from 'preact'
import type { Acts } from './acts.ts'

export const ActsContext = createContext<Acts>(undefined as never)
