import { readdirSync, readFileSync } from 'node:fs'
import { parse } from 'yaml'
import { packagePath } from '../../src/config/load.js'

export const dockerPath = (name: string): string => packagePath(`docker/${name}`)
export const yamlOf = <Shape>(name: string): Shape =>
  parse(readFileSync(dockerPath(name), 'utf8'), { merge: true }) as Shape

/** A question that a dashboard asks, in the language of its data source. */
export interface Question {
  readonly where: string
  readonly datasource: string
  readonly text: string
}

interface Source {
  readonly uid: string
}

interface Dashboard {
  readonly uid: string
  readonly title: string
  readonly templating: {
    readonly list: readonly {
      readonly name: string
      readonly datasource: Source
      readonly query: { readonly query?: string; readonly rawSql?: string }
    }[]
  }
  readonly panels: readonly {
    readonly id: number
    readonly type: string
    readonly title: string
    readonly targets?: readonly { readonly datasource: Source; readonly expr?: string; readonly rawSql?: string }[]
  }[]
}

export const dashboards: readonly Dashboard[] = readdirSync(dockerPath('grafana/dashboards')).map(
  (name) => JSON.parse(readFileSync(dockerPath(`grafana/dashboards/${name}`), 'utf8')) as Dashboard,
)

export const panelQuestions: readonly Question[] = dashboards.flatMap(({ title, panels }) =>
  panels.flatMap(({ title: panel, targets = [] }) =>
    targets.map(({ datasource, expr, rawSql }) => ({
      where: `${title}, ${panel}`,
      datasource: datasource.uid,
      text: expr ?? rawSql ?? '',
    })),
  ),
)

/** What fills the variables of a data source's dashboards, by name. */
export const variableQuestions = (uid: string): ReadonlyMap<string, string> =>
  new Map(
    dashboards.flatMap(({ templating }) =>
      templating.list
        .filter(({ datasource }) => datasource.uid === uid)
        .map(({ name, query }) => [name, query.query ?? query.rawSql ?? ''] as const),
    ),
  )

interface Rule {
  readonly alert: string
  readonly expr: string
  readonly labels: { readonly severity?: string }
  readonly annotations: { readonly summary?: string; readonly action?: string }
}

export const alertRules: readonly Rule[] = yamlOf<{ groups: readonly { rules: readonly Rule[] }[] }>(
  'prometheus/alerts.yml',
).groups.flatMap(({ rules }) => rules)

export const metricNames = (promql: string): readonly string[] =>
  promql.match(/\b(?:tidemill|process|nodejs)_[a-z0-9_]+/g) ?? []
