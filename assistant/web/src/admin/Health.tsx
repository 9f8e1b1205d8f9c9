import { useQuery } from "@tanstack/react-query";
import { useInfo } from "../app/info";
import { Notice } from "../ui/Notice";
import { Loading } from "../ui/Spinner";
import { getHealth } from "./api";
import { Failure, Table } from "./fields";
import { useWords } from "./words";

export function HealthPart() {
  const t = useWords().health;
  const { data: about } = useInfo();
  const { data, error } = useQuery({ queryKey: ["health"], queryFn: getHealth, staleTime: 0, refetchInterval: 10_000 });
  if (!data) return error ? <Failure error={error} /> : <Loading />;
  return (
    <>
      {data.ready ? <p role="status">{t.ready}</p> : <Notice kind="problem">{t.notReady}</Notice>}
      <Table label={t.state} head={[t.part, t.state]}>
        {Object.entries(data.parts).map(([name, state]) => (
          <tr key={name}>
            <th scope="row">{name}</th>
            <td>{state}</td>
          </tr>
        ))}
      </Table>
      {about && (
        <p>
          {t.version(about.version)} {about.items !== null && about.items !== undefined && t.items(about.items)}
        </p>
      )}
    </>
  );
}
