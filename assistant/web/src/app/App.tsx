import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { lazy, Suspense } from "react";
import { Route, Router, Switch } from "wouter";
import { useHashLocation } from "wouter/use-hash-location";
import { ProblemError } from "../api/problem";
import { momentOf } from "../catalogue/moments";
import { ChatPage } from "../chat/ChatPage";
import { type firstSpoken, SpeechProvider } from "../i18n";
import { Loading } from "../ui/Spinner";
import { Gate } from "./Gate";
import { Shell } from "./Shell";

const AdminPage = lazy(() => import("../admin/AdminPage"));
const CataloguePage = lazy(() => import("../catalogue/CataloguePage"));
const ItemPage = lazy(() => import("../catalogue/ItemPage"));
const YouPage = lazy(() => import("../you/YouPage"));
const MapPage = lazy(() => import("../catalogue/MapPage"));

const queries = new QueryClient({
  defaultOptions: {
    queries: { staleTime: 30_000, refetchOnWindowFocus: false, retry: retryUnlessRefused },
  },
});

function retryUnlessRefused(failures: number, error: Error): boolean {
  return failures < 2 && !(error instanceof ProblemError && error.problem.status < 500);
}

export function App({ speech }: { speech: Awaited<ReturnType<typeof firstSpoken>> }) {
  return (
    <QueryClientProvider client={queries}>
      <SpeechProvider first={speech}>
        <Router hook={useHashLocation}>
          <Shell>
            <Gate>
              <Suspense fallback={<Loading />}>
                <Switch>
                  <Route path="/catalogue">
                    <CataloguePage />
                  </Route>
                  <Route path="/catalogue/:id">
                    {({ id }) => <ItemPage key={id} itemId={decodeURIComponent(id)} />}
                  </Route>
                  <Route path="/catalogue/:id/video/:video/:second">
                    {({ id, video, second }) => (
                      <ItemPage key={id} itemId={decodeURIComponent(id)} asked={momentOf(video, second)} />
                    )}
                  </Route>
                  <Route path="/map">
                    <MapPage />
                  </Route>
                  <Route path="/you">
                    <YouPage />
                  </Route>
                  <Route path="/admin/:part?">{({ part }) => <AdminPage part={part} />}</Route>
                  <Route path="/s/:id">{({ id }) => <ChatPage sessionId={id} />}</Route>
                  <Route>
                    <ChatPage />
                  </Route>
                </Switch>
              </Suspense>
            </Gate>
          </Shell>
        </Router>
      </SpeechProvider>
    </QueryClientProvider>
  );
}
