/** The part of the composition root that loads the models that serve. */
import { systemClock as clock } from '../base/clock.js'
import type { Closing } from '../base/lifecycle.js'
import { openRouting as follow, type LiveRouting } from '../consumers/control/routing.js'
import { createOnnxRuntime, type OnnxRuntimeOptions } from '../scorers/onnx/runtime.js'
import type { Foundation } from './foundation.js'

/** The routing of one user of models, with sessions of its own: a backlog does not delay the API's callers. */
export async function openRouting(
  { control, routes, streams, models, faults, report, waits }: Foundation,
  runs: OnnxRuntimeOptions,
  closing: Closing,
): Promise<LiveRouting> {
  const runtime = createOnnxRuntime(runs)
  closing.add(() => runtime.close())
  const routing = await follow({
    control,
    routes,
    streams,
    readModel: models.read,
    runtime,
    clock,
    onModel: faults.opened,
    onModelError: faults.add,
    // Several routings of a process open the same models.
    onModelNote: runs.together ? (model, note) => report(`model ${model}: ${note}`) : undefined,
    onWaiting: (model, error) => waits(error, { model }, 'waiting for a routed model'),
  })
  closing.add(() => routing.close())
  return routing
}
