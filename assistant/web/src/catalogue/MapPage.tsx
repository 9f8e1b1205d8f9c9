import { useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { ToggleButton, ToggleButtonGroup } from "react-aria-components";
import { catalogueMap } from "../api/client";
import { asProblem } from "../api/problem";
import type { MapPoint, MapSpace } from "../api/types";
import { useMessages } from "../i18n";
import { sentence } from "../i18n/format";
import { Button } from "../ui/Button";
import { Notice } from "../ui/Notice";
import { Loading } from "../ui/Spinner";
import css from "./MapPage.module.css";
import { MapView } from "./MapView";
import { groupByCategory } from "./mapping";

/** The embeddings in two dimensions, coloured by category. */
export default function MapPage() {
  const t = useMessages();
  const [space, setSpace] = useState<MapSpace>("text");
  const { data, error } = useQuery({
    queryKey: ["map", space],
    queryFn: () => catalogueMap(space),
    staleTime: 10 * 60_000,
  });
  return (
    <div className={css.page}>
      <div className={css.head}>
        <h1>{t.map.title}</h1>
        <SpaceSwitch space={space} onChange={setSpace} />
      </div>
      <p className={css.lead}>
        {t.map.lead} {data?.sampled && t.map.sampled(data.points.length, data.total)}
      </p>
      {error && <Notice kind="problem">{sentence(asProblem(error), t)}</Notice>}
      {!data && !error && <Loading />}
      {data?.points.length === 0 && <p>{t.map.empty}</p>}
      {data && data.points.length > 0 && <Chart points={data.points} />}
    </div>
  );
}

function SpaceSwitch({ space, onChange }: { space: MapSpace; onChange: (space: MapSpace) => void }) {
  const t = useMessages();
  return (
    <ToggleButtonGroup
      className={css.categories ?? ""}
      aria-label={t.map.space}
      selectionMode="single"
      disallowEmptySelection
      selectedKeys={[space]}
      onSelectionChange={(keys) => onChange([...keys][0] as MapSpace)}
    >
      {(["text", "picture"] as const).map((name) => (
        <ToggleButton key={name} id={name} className={css.category ?? ""}>
          {t.map.spaces[name]}
        </ToggleButton>
      ))}
    </ToggleButtonGroup>
  );
}

function Chart({ points }: { points: MapPoint[] }) {
  const t = useMessages();
  const groups = useMemo(() => groupByCategory(points), [points]);
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const shown = chosen.size ? groups.filter(({ name }) => chosen.has(name)) : groups;
  return (
    <>
      <div className={css.legend}>
        <ToggleButtonGroup
          className={css.categories ?? ""}
          aria-label={t.map.categories}
          selectionMode="multiple"
          selectedKeys={chosen}
          onSelectionChange={(keys) => setChosen(new Set([...keys].map(String)))}
        >
          {groups.map(({ name, colour, members }) => (
            <ToggleButton key={name} id={name} className={css.category ?? ""}>
              <span className={css.dot} style={{ background: colour }} aria-hidden />
              {name || t.map.other}
              <small>{members.length}</small>
            </ToggleButton>
          ))}
        </ToggleButtonGroup>
        {chosen.size > 0 && (
          <Button small look="quiet" onPress={() => setChosen(new Set())}>
            {t.map.all}
          </Button>
        )}
      </div>
      <MapView groups={shown} />
    </>
  );
}
