import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useSpeech } from "../i18n";
import { Button } from "../ui/Button";
import { Notice } from "../ui/Notice";
import { Loading } from "../ui/Spinner";
import css from "./Admin.module.css";
import {
  cancelJob,
  checkFeed,
  dropSchedule,
  type Feed,
  type FeedReading,
  getJob,
  getSchedule,
  importFeed,
  putSchedule,
  runSchedule,
  type ScheduleState,
  uploadFeed,
} from "./api";
import { Failure, FileInput, Select, Table, TextInput } from "./fields";
import { useWords } from "./words";

const FIELDS = [
  "id", "title", "description", "price", "sale_price", "currency", "category", "brand", "image", "url", "in_stock",
] as const; // biome-ignore format: a list of words

export function FeedPart() {
  const t = useWords().feed;
  const [jobId, setJobId] = useState<string>();
  const upload = useMutation({ mutationFn: uploadFeed });
  return (
    <>
      <p className={css.lead}>{t.lead}</p>
      <FileInput label={t.file} onFile={(file) => upload.mutate(file)} />
      {upload.isPending && <p role="status">{t.reading}</p>}
      <Failure error={upload.error} />
      {upload.data && (
        <Preview
          key={upload.data.feed_id}
          first={upload.data}
          onImport={(id) => {
            setJobId(id);
            upload.reset();
          }}
        />
      )}
      {jobId && <Progress key={jobId} jobId={jobId} />}
      <Repeated />
    </>
  );
}

function Preview({ first, onImport }: { first: Feed; onImport: (jobId: string) => void }) {
  const t = useWords().feed;
  const [mapping, setMapping] = useState<Record<string, string>>({});
  const [currency, setCurrency] = useState("");
  const [prune, setPrune] = useState(false);
  const reading: FeedReading = { mapping, currency: currency.trim().toUpperCase() || null, prune };
  const look = useMutation({ mutationFn: () => checkFeed(first.feed_id, reading) });
  const take = useMutation({
    mutationFn: () => importFeed(first.feed_id, reading),
    onSuccess: (job) => onImport(job.job_id),
  });
  const { check } = look.data ?? first;
  const choices: [string, string][] = [
    ["", t.automatic],
    ...first.check.columns.map(({ name }) => [name, name] as [string, string]),
  ];
  return (
    <section aria-label={first.name} className={css.box}>
      <h2>{first.name}</h2>
      <p>{t.understood(`${check.feed} (${check.format})`, check.rows, check.items)}</p>
      {check.warnings.length > 0 && (
        <Notice kind="warning">
          <strong>{t.warnings}</strong>
          <ul>
            {check.warnings.map((warning) => (
              <li key={warning}>{warning}</li>
            ))}
          </ul>
        </Notice>
      )}
      <details>
        <summary>{t.mapping}</summary>
        <div className={css.grid}>
          {FIELDS.map((field) => (
            <Select
              key={field}
              label={field}
              value={mapping[field] ?? ""}
              onChange={(column) => {
                const { [field]: _, ...others } = mapping;
                setMapping(column ? { ...others, [field]: column } : others);
              }}
              options={choices}
            />
          ))}
        </div>
      </details>
      <TextInput label={t.currency} value={currency} onChange={setCurrency} maxLength={3} />
      <label className={css.check}>
        <input type="checkbox" checked={prune} onChange={(event) => setPrune(event.target.checked)} />
        {t.prune}
      </label>
      <div className={css.buttons}>
        <Button onPress={() => look.mutate()} isDisabled={look.isPending}>
          {t.check}
        </Button>
        <Button look="primary" onPress={() => take.mutate()} isDisabled={take.isPending || check.items === 0}>
          {t.take}
        </Button>
      </div>
      <Failure error={look.error ?? take.error} />
      {check.columns.length > 0 && (
        <Table label={t.columns} head={[t.column, t.fills]}>
          {check.columns.map((column) => (
            <tr key={column.name}>
              <th scope="row">{column.name}</th>
              <td>{column.fills ?? t.unused}</td>
            </tr>
          ))}
        </Table>
      )}
      {check.items > 0 && (
        <>
          <h3>{t.known}</h3>
          <p>
            {Object.entries(check.known)
              .map(([name, count]) => `${name} ${count}/${check.items}`)
              .join(", ")}
          </p>
          <h3>{t.examples}</h3>
          {check.examples.map((example) => (
            <pre key={JSON.stringify(example)} className={css.example}>
              {JSON.stringify(example, null, 1)}
            </pre>
          ))}
        </>
      )}
    </section>
  );
}

function Progress({ jobId }: { jobId: string }) {
  const t = useWords().feed;
  const queries = useQueryClient();
  const { data, error } = useQuery({
    queryKey: ["job", jobId],
    queryFn: async () => {
      const job = await getJob(jobId);
      if (job.state !== "running") await queries.invalidateQueries({ queryKey: ["stats"] });
      return job;
    },
    staleTime: 0,
    refetchInterval: (query) => (query.state.data && query.state.data.state !== "running" ? false : 1_000),
  });
  const stop = useMutation({ mutationFn: () => cancelJob(jobId) });
  if (!data) return <Failure error={error} />;
  const summary = data.summary;
  return (
    <section aria-label={t.job[data.state]} className={css.box}>
      <p role="status">{t.job[data.state]}</p>
      {data.state === "running" && (
        <div className={css.buttons}>
          <progress aria-label={t.job.running} max={Math.max(1, data.total)} value={data.done} />
          <Button small onPress={() => stop.mutate()}>
            {t.stop}
          </Button>
        </div>
      )}
      {data.error && <Notice kind="problem">{data.error}</Notice>}
      {summary && <p>{t.result(summary.new, summary.changed, summary.unchanged, summary.rejected, summary.removed)}</p>}
      {data.rejections.length > 0 && (
        <ul className={css.list}>
          {data.rejections.slice(0, 20).map((one) => (
            <li key={`${one.line} ${one.kind} ${one.reason}`}>
              {one.line}: {one.reason}
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

function Repeated() {
  const t = useWords().feed;
  const { data, error } = useQuery({ queryKey: ["schedule"], queryFn: getSchedule, staleTime: 0 });
  return (
    <section aria-labelledby="schedule" className={css.box}>
      <h2 id="schedule">{t.schedule}</h2>
      <p className={css.lead}>{t.scheduleLead}</p>
      <Failure error={error} />
      {!data && !error && <Loading />}
      {data && <ScheduleForm state={data} />}
    </section>
  );
}

function ScheduleForm({ state }: { state: ScheduleState }) {
  const t = useWords().feed;
  const { locale } = useSpeech();
  const queries = useQueryClient();
  const [url, setUrl] = useState(state.schedule?.url ?? "");
  const [hours, setHours] = useState(String(state.schedule?.hours ?? 24));
  const change = useMutation({
    mutationFn: (how: () => Promise<ScheduleState>) => how(),
    onSuccess: (after) => queries.setQueryData(["schedule"], after),
  });
  const time = (at: number) => new Date(at * 1000).toLocaleString(locale);
  const reading = state.schedule?.reading ?? { mapping: {}, prune: false };
  return (
    <>
      <TextInput label={t.url} value={url} onChange={setUrl} type="url" placeholder="https://" />
      <TextInput label={t.hours} value={hours} onChange={setHours} type="number" min={1} max={744} />
      <div className={css.buttons}>
        <Button
          look="primary"
          isDisabled={change.isPending}
          onPress={() => change.mutate(() => putSchedule({ url: url.trim() || null, hours: Number(hours), reading }))}
        >
          {t.start}
        </Button>
        {state.schedule && (
          <>
            <Button isDisabled={change.isPending} onPress={() => change.mutate(runSchedule)}>
              {t.now}
            </Button>
            <Button isDisabled={change.isPending} onPress={() => change.mutate(dropSchedule)}>
              {t.off}
            </Button>
          </>
        )}
      </div>
      <Failure error={change.error} />
      {state.next_at ? <p>{t.next(time(state.next_at))}</p> : <p>{t.none}</p>}
      {state.last && <p>{t.last(time(state.last.at))}</p>}
      {state.last?.error && <Notice kind="warning">{state.last.error}</Notice>}
      {state.last?.job_id && <Progress jobId={state.last.job_id} />}
    </>
  );
}
