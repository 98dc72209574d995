import { Refusal } from '@convergence/contracts';
import type { Schedule } from '@convergence/schedules';
import type { Log } from '@convergence/service';
import type { Admission } from './admission.ts';
import type { SchedulesSlice } from './definition.ts';

const SUBJECTS = { warned: 'A schedule keeps failing', paused: 'A schedule paused itself' } as const;

/**
 * Tells people what schedules want told: that they keep failing, that they paused themselves. A notice is part of the schedule
 * until it was told, so a crash tells it again, under the same id.
 */
export const tellPeople =
  ({ slice, admission, log }: { slice: SchedulesSlice; admission: Pick<Admission, 'tell'>; log: Log }) =>
  async (): Promise<void> => {
    if (!slice.ready) return;
    for (const config_id of [...slice.state.notices]) {
      const { tenant_id, provider, domain, pipeline_template, notice } = slice.state.schedules.get(config_id) as Schedule;
      if (!notice) continue;
      const subject = `${SUBJECTS[notice.kind]}: ${provider}/${domain}/${pipeline_template}`.toLowerCase();
      try {
        await admission.tell(tenant_id, { notice_id: notice.id, provider, domain, subject: capital(subject), text: notice.text });
      } catch (error) {
        // Nobody is there to be told.
        if (!(error instanceof Refusal)) throw error;
        log.warn({ err: error, tenant_id, config_id }, 'a notice could not be told and is dropped');
      }
      await slice.execute({ type: 'note-told', config_id, tenant_id, notice_id: notice.id });
    }
  };

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
