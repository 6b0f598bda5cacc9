const form = /^(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,30}))?)?(?: ?([Zz]|[+-]\d\d(?::?\d\d)?))?$/

/**
 * Epoch milliseconds of an ISO 8601 date and time with a zone, or why the text is none: '' for any other text. It takes
 * the forms that usual libraries write: a space or `t` instead of `T`, `z`, offsets as `+01:00`, `+0100` and `+01`, no
 * seconds, 24:00, a leap second. Digits below a millisecond are dropped.
 */
export function isoTime(text: string): number | string {
  const parts = form.exec(text)
  if (parts === null) return ''
  const [, year, month, day, hour, minute, second = '00', fraction = '', zone] = parts
  const last = daysOf(Number(year), Number(month))
  if (last === 0) return `there is no month ${month}`
  if (Number(day) < 1 || Number(day) > last) return `${year}-${month} has ${last} days, so there is no day ${day}`
  const isMidnight = hour === '24' && Number(minute) === 0 && Number(second) === 0 && Number(fraction) === 0
  if (Number(hour) > 23 && !isMidnight) return `there is no hour ${hour}`
  if (Number(minute) > 59) return `there is no minute ${minute}`
  if (zone === undefined) return 'it has no zone; add Z, or an offset such as +01:00'
  const offsetMs = offsetOf(zone)
  if (offsetMs === undefined) return `there is no offset ${zone}`
  const minuteMs = Date.parse(`${year}-${month}-${day}T00:00:00Z`) + (Number(hour) * 60 + Number(minute)) * 60_000
  const timeMs = minuteMs - offsetMs + Number(second) * 1_000
  if (Number(second) > 59) return Number(second) === 60 && isLeap(timeMs) ? timeMs : notASecond(second)
  return timeMs + Number(fraction.slice(0, 3).padEnd(3, '0'))
}

/** Epoch milliseconds of a text that `isoTime` takes; undefined for other texts. */
export function isoTimeMs(text: string): number | undefined {
  const time = isoTime(text)
  return typeof time === 'number' ? time : undefined
}

const notASecond = (second: string): string =>
  `there is no second ${second}; a leap second ends 30 June or 31 December in UTC`

function daysOf(year: number, month: number): number {
  if (month < 1 || month > 12) return 0
  if (month === 2) return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28
  return [4, 6, 9, 11].includes(month) ? 30 : 31
}

/** Leap seconds are the last seconds of a half-year, so the next second, whose time they get, begins the next one. */
function isLeap(nextMs: number): boolean {
  const next = new Date(nextMs)
  return nextMs % 86_400_000 === 0 && next.getUTCDate() === 1 && [0, 6].includes(next.getUTCMonth())
}

function offsetOf(zone: string): number | undefined {
  if (zone === 'Z' || zone === 'z') return 0
  const [hours, minutes] = [Number(zone.slice(1, 3)), Number(zone.slice(3).replace(':', '') || 0)]
  if (hours > 23 || minutes > 59) return undefined
  return (zone.startsWith('-') ? -1 : 1) * (hours * 60 + minutes) * 60_000
}
