import AttendanceCore
import Foundation
import HTTPTypes
import Hummingbird
import NIOCore

extension Console {
    /// `GET /live`: server-sent events. `changed` names topics, `punches` brings rows.
    ///
    /// With `terminal=`, `group=` or `person=` as in the search of punches only those; within the reach of whoever looks.
    func addLive(to router: RouterGroup<ConsoleContext>) {
        router.get("live") { request, context in
            guard let principal = context.principal else { throw HTTPError(.unauthorized) }
            let search = try request.search()
            // A list that is a search for something old does not grow.
            let terminal = search["terminal"].flatMap { SerialNumber($0) }
            let person = search["person"]
            let family = search["group"].map(Reach.folded)
            guard let (id, events) = live.join() else { throw HTTPError(.serviceUnavailable) }
            var headers = HTTPFields()
            headers[.contentType] = "text/event-stream; charset=utf-8"
            headers[.cacheControl] = "no-store"
            headers[.named("X-Accel-Buffering")] = "no"
            return Response(
                status: .ok, headers: headers,
                body: ResponseBody { [live] writer in
                    defer { live.leave(id) }
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        // Something must pass now and then, else a browser that has gone is noticed by nobody.
                        group.addTask {
                            while !Task.isCancelled {
                                try await Task.sleep(for: .seconds(15))
                                live.prod(id)
                            }
                        }
                        try await writer.write(ByteBuffer(string: "retry: 3000\n\n"))
                        for await event in events {
                            try await writer.write(
                                ByteBuffer(
                                    string: try Self.text(
                                        event, for: principal, terminal: terminal, group: family,
                                        person: person)))
                        }
                        group.cancelAll()
                    }
                    try await writer.finish(nil)
                })
        }
    }

    private static func text(
        _ event: LiveHub.Event, for principal: Principal, terminal: SerialNumber?, group: String?,
        person: String?
    ) throws -> String {
        switch event {
        case .alive: return ":\n\n"
        case .changed(let topics):
            return "event: changed\ndata: \(topics.map(\.rawValue).sorted().joined(separator: " "))\n\n"
        case .punches(let all):
            let mine = all.filter {
                principal.reaches(group: $0.group) && (terminal == nil || $0.serial == terminal)
                    && (group == nil || $0.group.map(Reach.folded) == group)
                    && (person == nil || $0.person == person || $0.name == person)
            }
            guard !mine.isEmpty else { return "" }
            let json = String(decoding: try JSONEncoder().encode(mine), as: UTF8.self)
            return "event: punches\ndata: \(json)\n\n"
        }
    }
}
