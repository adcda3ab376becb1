import AttendanceCore
import AttendanceStore
import AttendanceTerminals
import AttendanceWeb
import Foundation

/// What people and programs may ask of the gateway, made of its parts.
extension Gateway {
    func makeOperations() -> Operations {
        let desk = completeness.desk(store, registry: registry)
        let comparisons = Comparisons(
            settings: settings, terminals: terminalsInForce, journal: store, client: client)
        var operations = Operations(
            store: store, now: surroundings.now, version: Version.current,
            health: { [reporter] in await reporter.recentReport() },
            deadLetters: DeadLetterDesk(
                store: store, owing: { [sinks] in sinks.ringForRequeued() }, now: surroundings.now,
                logger: surroundings.logger),
            corrections: correctionRoutes, employees: sinks.people.routes,
            reconciling: ReconcileRoutes(
                store: store, owing: { [sinks] in sinks.ringForRequeued($0) }, now: surroundings.now,
                sites: comparisons.sites, compare: { try await comparisons.run($0) },
                repairs: { try await comparisons.repairs(at: $0) }),
            terminals: completeness.routes(desk), registry: registryRoutes(desk), commands: commandRoutes,
            logs: logRoutes, people: roster.routes, codes: codeRoutes, alerts: alerts.routes,
            api: apiOperations,
            field: fieldDesk,
            place: { [terminalsInForce] serial in
                let terminals = terminalsInForce.now
                return TerminalPlace(
                    name: terminals.name(of: serial), group: terminals.group(of: serial)?.name,
                    zone: terminals.timeZone(of: serial), direction: terminals.directionRule(of: serial))
            },
            zone: { [terminalsInForce] in terminalsInForce.file.timeZone },
            sinks: settings.sinkNames, logger: surroundings.logger, setup: setup.desk)
        operations.build = Version.build.line
        operations.freshHealth = { [reporter] in await reporter.report() }
        operations.settings = surroundings.settings
        if let log = surroundings.log { operations.logTail = { log.tail($0) } }
        operations.addresses = settings.siteAddresses
        operations.backUp = backUpNow
        return operations
    }

    private var correctionRoutes: CorrectionRoutes {
        CorrectionRoutes(
            cases: { [store, terminalsInForce] in
                try await CorrectionDesk(terminals: terminalsInForce.now).page($0, in: store)
            },
            carryOut: { [store, sinks, terminalsInForce, now = surroundings.now] order in
                let result = try await CorrectionDesk(terminals: terminalsInForce.now).carryOut(
                    order, on: store, at: now())
                // What became owed lies among numbers that the delivery has long walked past.
                if result.changed > 0 { sinks.ringForRequeued() }
                return result
            })
    }

    private func registryRoutes(_ desk: CompletenessDesk) -> RegistryRoutes {
        RegistryRoutes(
            carryOut: { [registryDesk] in try await registryDesk.carryOut($0) },
            one: { try await desk.terminal($0) },
            events: { [registry, terminalsInForce] after in
                let (events, next) = registry.events(after: after)
                let names = terminalsInForce.now
                return TerminalEvents(
                    events: events.map { .init($0, name: names.name(of: $0.serial)) }, next: next)
            })
    }

    private var codeRoutes: CodeRoutes {
        CodeRoutes { [store, roster, terminalsInForce, now = surroundings.now] order in
            try await CodeDesk(
                store: store, vault: roster.vault, terminals: terminalsInForce.now, now: now
            ).carryOut(order)
        }
    }

    /// What the command line asks, over the admin socket.
    func adminRoutes(_ operations: Operations) -> AdminRoutes {
        AdminRoutes(
            health: { [reporter] in await reporter.report() }, deadLetters: operations.deadLetters,
            logger: surroundings.logger,
            others: [
                operations.corrections.add, operations.employees.add, operations.terminals.add,
                operations.registry.add, operations.alerts.add, operations.commands.add, operations.logs.add,
                operations.people.add, operations.codes.add, operations.reconciling.add,
                AccountRoutes(accounts).add, ExportRoutes(store: store, now: surroundings.now).add,
                probes.add, backupRoutes.add,
            ])
    }
}

extension Settings {
    /// Every sink in the file's order, configured or not.
    var sinkNames: [SinkName] { [erp.name] + furtherSites.map(\.name) + webhooks.map(\.name) }

    /// Of sites whose check-ins are documents of ERPNext's own, for links.
    var siteAddresses: [SinkName: String] {
        var addresses: [SinkName: String] = [:]
        for site in sites where site.dialect == .hrms {
            guard let url = site.url,
                var parts = URLComponents(url: url, resolvingAgainstBaseURL: true)
            else { continue }
            parts.user = nil
            parts.password = nil
            parts.query = nil
            parts.fragment = nil
            addresses[site.name] = parts.string
        }
        return addresses
    }
}
