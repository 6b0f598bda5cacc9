import { Type } from '@sinclair/typebox'
import { replayStates } from '../../../contracts/runs.js'
import { kindOf } from './kind.js'

const timeOrNull = Type.Union([Type.Number(), Type.Null()])

/** A replay into the live tables was started, applied or undone. */
export const replay = kindOf({
  kind: 'replay',
  fields: {
    replay: Type.String(),
    state: Type.Union(replayStates.map((state) => Type.Literal(state))),
    stream: Type.String(),
    model: Type.String(),
    fromMs: timeOrNull,
    toMs: timeOrNull,
    rows: Type.Number(),
  },
  keyOf: ({ replay: id }: { readonly replay: string }) => `replay/${id}`,
  fromOld: ({ id, ...rest }) => ({ ...rest, replay: id }),
})
