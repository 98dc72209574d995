import { Refusal, Transient } from '@convergence/contracts';

/**
 * Waits that long for something we depend on and no longer: clients of the cloud try for minutes, a caller does not. What
 * fails there is "not now" to whoever asked.
 */
export async function patiently<T>(name: string, work: () => Promise<T>, milliseconds = 5000): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Transient(`${name} does not answer.`)), milliseconds);
  });
  try {
    return await Promise.race([work(), late]);
  } catch (cause) {
    if (cause instanceof Refusal || cause instanceof Transient) throw cause;
    throw new Transient(`${name} is not available.`, { cause });
  } finally {
    clearTimeout(timer);
  }
}
