// The floor of storing: the very rows the gateway stored, through SQLite's C interface, in the same schema and with the
// same settings.
//
//   sqlite-floor --source JOURNAL --target NEW_FILE [--batch PUNCHES] [--most PUNCHES] [--first PUNCH_ID]
//
// The schema is read from the gateway's own database, so it stays the same when the gateway's changes. Tables other than
// `punch` and `outbox` (terminals, zones, sinks) are copied first and not measured. Then the punches are inserted in their
// order as the gateway does it: one transaction a batch; for each punch an insert that does nothing for a repeat, and one
// row in `outbox` for each sink that is there. All rows are in memory before the clock starts.
#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support.h"

static _Noreturn void complain(sqlite3 *db, const char *what) {
    fprintf(stderr, "%s: %s\n", what, db ? sqlite3_errmsg(db) : "");
    exit(1);
}

static sqlite3 *open_database(const char *path, int flags) {
    sqlite3 *db;
    if (sqlite3_open_v2(path, &db, flags | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK) complain(db, path);
    sqlite3_busy_timeout(db, 5000);
    return db;
}

static void run(sqlite3 *db, const char *sql) {
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK) complain(db, sql);
}

static sqlite3_stmt *prepare(sqlite3 *db, const char *sql) {
    sqlite3_stmt *s;
    if (sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, &s, NULL) != SQLITE_OK) complain(db, sql);
    return s;
}

static void step(sqlite3 *db, sqlite3_stmt *s) {
    if (sqlite3_step(s) != SQLITE_DONE) complain(db, sqlite3_sql(s));
    sqlite3_reset(s);
}

// The text of the statement that inserts a whole row of `table`.
static char *insertion(const char *verb, const char *table, int columns) {
    char *sql = sqlite3_mprintf("%s INTO \"%w\" VALUES (", verb, table);
    for (int i = 0; i < columns; i++) sql = sqlite3_mprintf("%z%s", sql, i ? ",?" : "?");
    return sqlite3_mprintf("%z)", sql);
}

static void copy_table(sqlite3 *from, sqlite3 *to, const char *table) {
    sqlite3_stmt *rows = prepare(from, sqlite3_mprintf("SELECT * FROM \"%w\"", table));
    int columns = sqlite3_column_count(rows);
    sqlite3_stmt *insert = prepare(to, insertion("INSERT OR REPLACE", table, columns));
    while (sqlite3_step(rows) == SQLITE_ROW) {
        for (int i = 0; i < columns; i++) sqlite3_bind_value(insert, i + 1, sqlite3_column_value(rows, i));
        step(to, insert);
    }
    sqlite3_finalize(rows);
    sqlite3_finalize(insert);
}

static long long number(sqlite3 *db, const char *sql) {
    sqlite3_stmt *s = prepare(db, sql);
    long long result = sqlite3_step(s) == SQLITE_ROW ? sqlite3_column_int64(s, 0) : 0;
    sqlite3_finalize(s);
    return result;
}

int main(int argc, char **argv) {
    prepare_process();
    const char *source = option(argc, argv, "source", NULL), *target = option(argc, argv, "target", NULL);
    long batch = option_number(argc, argv, "batch", 2000), most = option_number(argc, argv, "most", 500000);
    if (!source || !target || access(target, F_OK) == 0) {
        errno = EINVAL;
        fail("sqlite-floor --source JOURNAL --target NEW_FILE");
    }
    sqlite3 *from = open_database(source, SQLITE_OPEN_READONLY);
    sqlite3 *to = open_database(target, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
    run(to,
        "PRAGMA page_size = 4096; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY;"
        "PRAGMA secure_delete = OFF; PRAGMA journal_size_limit = 16777216; PRAGMA wal_autocheckpoint = 1000;"
        "PRAGMA foreign_keys = OFF");

    sqlite3_stmt *schema = prepare(
        from,
        "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'"
        " ORDER BY type = 'table' DESC, rowid");
    while (sqlite3_step(schema) == SQLITE_ROW) {
        const char *name = (const char *)sqlite3_column_text(schema, 1);
        run(to, (const char *)sqlite3_column_text(schema, 2));
        if (strcmp((const char *)sqlite3_column_text(schema, 0), "table") == 0 && strcmp(name, "punch") != 0
            && strcmp(name, "outbox") != 0)
            copy_table(from, to, name);
    }
    sqlite3_finalize(schema);
    long long sinks = number(from, "SELECT count(*) FROM sink WHERE active");

    char *select = sqlite3_mprintf(
        "SELECT * FROM punch WHERE id >= %ld ORDER BY id LIMIT %ld", option_number(argc, argv, "first", 0), most);
    sqlite3_stmt *punches = prepare(from, select);
    int columns = sqlite3_column_count(punches);
    sqlite3_value **values = calloc((size_t)columns * most, sizeof *values);
    long count = 0;
    while (count < most && sqlite3_step(punches) == SQLITE_ROW) {
        for (int i = 1; i < columns; i++)
            values[count * columns + i] = sqlite3_value_dup(sqlite3_column_value(punches, i));
        count++;
    }
    sqlite3_finalize(punches);
    sqlite3_close(from);

    sqlite3_stmt *punch = prepare(to, insertion("INSERT OR IGNORE", "punch", columns));
    sqlite3_stmt *owed = prepare(to, "INSERT INTO outbox (sink, punch) VALUES (?, ?)");
    sqlite3_stmt *begin = prepare(to, "BEGIN IMMEDIATE"), *commit = prepare(to, "COMMIT");
    histogram commits = {0};
    double start = monotonic();
    for (long done = 0; done < count;) {
        double began = monotonic();
        step(to, begin);
        for (long end = done + batch < count ? done + batch : count; done < end; done++) {
            // The first column is the punch's own number, given by SQLite.
            for (int i = 1; i < columns; i++) sqlite3_bind_value(punch, i + 1, values[done * columns + i]);
            step(to, punch);
            if (sqlite3_changes(to) == 0) continue;
            long long id = sqlite3_last_insert_rowid(to);
            for (long long sink = 1; sink <= sinks; sink++) {
                sqlite3_bind_int64(owed, 1, sink);
                sqlite3_bind_int64(owed, 2, id);
                step(to, owed);
            }
        }
        step(to, commit);
        histogram_add(&commits, monotonic() - began);
    }
    double took = monotonic() - start;
    printf(
        "{\"punches\":%ld,\"stored\":%lld,\"sinks\":%lld,\"batch\":%ld,\"seconds\":%.4f,\"punchesPerSecond\":%.1f,"
        "\"p50\":%.6f,\"p99\":%.6f}\n",
        count, number(to, "SELECT count(*) FROM punch"), sinks, batch, took, took > 0 ? count / took : 0,
        histogram_quantile(&commits, 0.5), histogram_quantile(&commits, 0.99));
    sqlite3_close(to);
    return 0;
}
