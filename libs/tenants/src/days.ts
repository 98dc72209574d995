/** UTC days and months as texts. Usage is counted per UTC day, whatever zone a tenant lives in. */
export const utcDate = (milliseconds: number): string => new Date(milliseconds).toISOString().slice(0, 10);
export const monthOf = (date: string): string => date.slice(0, 7);

export const addDays = (date: string, days: number): string => utcDate(Date.parse(`${date}T00:00:00Z`) + days * 86_400_000);

/** When the day after that one begins. */
export const nextDayStart = (date: string): string => `${addDays(date, 1)}T00:00:00Z`;

/** First day of the month after that one. */
export function nextMonthStart(date: string): string {
  const [year = 0, month = 0] = date.split('-').map(Number);
  return month === 12 ? `${year + 1}-01-01` : `${year}-${String(month + 1).padStart(2, '0')}-01`;
}

export const addHours = (milliseconds: number, hours: number): string => new Date(milliseconds + hours * 3_600_000).toISOString();
