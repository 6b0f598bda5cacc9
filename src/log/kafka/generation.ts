import kafkajs from 'kafkajs'
import { limits } from '../../base/limits.js'
import type { LinkedBroker } from './broker.js'
import type { Wire } from './link.js'
import { assign } from './sticky.js'
import type { Joining } from './sticky.js'
import { keyOf, placeOf } from './work.js'

const { AssignerProtocol } = kafkajs

const protocolName = 'tidemill-cooperative-sticky'

/** A generation of a group, with the partitions of one member. */
export interface Generation {
  readonly broker: LinkedBroker
  readonly id: number
  /** Partitions, named `topic/partition`. */
  readonly assigned: readonly string[]
}

/** What a member sends when it joins. */
export interface JoinRequest extends Pick<Joining, 'topics' | 'owned' | 'generation'> {
  readonly group: string
  readonly sessionTimeoutMs: number
  /** '' for a member that the group does not know yet. */
  readonly memberId: string
}

type Joined = Awaited<ReturnType<LinkedBroker['joinGroup']>> & { readonly broker: LinkedBroker }

/** Joins the group at its coordinator. Resolves when all members have joined. */
export async function joinGroup(wire: Wire, request: JoinRequest): Promise<Joined> {
  const { group, topics, sessionTimeoutMs, memberId, owned, generation } = request
  await wire.know(topics)
  const broker = await wire.coordinator(group)
  const metadata = AssignerProtocol.MemberMetadata.encode({
    version: 1,
    topics: [...topics],
    userData: Buffer.from(JSON.stringify({ owned, generation })),
  })
  const joined = await broker.joinGroup({
    groupId: group,
    sessionTimeout: sessionTimeoutMs,
    rebalanceTimeout: limits.rebalanceTimeoutMs,
    memberId,
    groupProtocols: [{ name: protocolName, metadata }],
  })
  return { ...joined, broker }
}

/** Receives this member's partitions. The group's leader first sends the partitions of all members to the broker. */
export async function syncGroup(wire: Wire, group: string, joined: Joined): Promise<Generation> {
  const { broker, generationId, memberId, leaderId, members } = joined
  const groupAssignment = leaderId === memberId ? await share(wire, members) : []
  const { memberAssignment } = await broker.syncGroup({ groupId: group, generationId, memberId, groupAssignment })
  const assignment = AssignerProtocol.MemberAssignment.decode(memberAssignment)?.assignment ?? {}
  const assigned = Object.entries(assignment).flatMap(([topic, partitions]) =>
    partitions.map((partition) => keyOf({ topic, partition })),
  )
  return { broker, id: generationId, assigned }
}

/** The leader's decision: the partitions of every member. */
async function share(
  wire: Wire,
  members: Joined['members'],
): Promise<{ memberId: string; memberAssignment: Buffer }[]> {
  const joining = members.map(({ memberId, memberMetadata }): Joining => {
    const { topics, userData } = AssignerProtocol.MemberMetadata.decode(memberMetadata)!
    return { id: memberId, topics, ...(JSON.parse(userData.toString()) as Pick<Joining, 'owned' | 'generation'>) }
  })
  const partitions: string[] = []
  for (const topic of new Set(joining.flatMap(({ topics }) => topics)))
    for (const partition of await wire.partitionsOf(topic)) partitions.push(keyOf({ topic, partition }))
  return [...assign(joining, partitions)].map(([memberId, keys]) => {
    const assignment: Record<string, number[]> = {}
    for (const { topic, partition } of keys.map(placeOf)) (assignment[topic] ??= []).push(partition)
    const memberAssignment = AssignerProtocol.MemberAssignment.encode({
      version: 1,
      assignment,
      userData: Buffer.alloc(0),
    })
    return { memberId, memberAssignment }
  })
}
