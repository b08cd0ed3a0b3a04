/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SQLite on a file: transactions, an index, journals, locks. Debian's static library; what it
 * prints is compared.
 */
#include <sqlite3.h>
#include <stdio.h>

static int print_row(void *unused, int count, char **values, char **names)
{
	(void)unused;
	(void)names;
	for (int i = 0; i < count; i++)
		printf("%s%s", i ? "|" : "", values[i] ? values[i] : "NULL");
	puts("");
	return 0;
}

static void run(sqlite3 *db, const char *sql)
{
	char *error = NULL;
	if (sqlite3_exec(db, sql, print_row, NULL, &error))
		printf("error: %s in %s\n", error, sql);
	sqlite3_free(error);
}

static void fill(sqlite3 *db)
{
	char sql[200];
	run(db,
	    "create table t(id integer primary key, n int, s text); create index i on t(n); begin");
	for (int i = 0; i < 5000; i++) {
		snprintf(sql, sizeof(sql), "insert into t(n, s) values(%d, 'row %d')",
			 i * 7919 % 5003, i);
		run(db, sql);
	}
	run(db, "commit");
}

static void ask(sqlite3 *db, const char *journal)
{
	run(db, "select count(*), sum(n), max(s) from t");
	run(db, "select n, s from t order by n limit 3");
	run(db, "update t set n = n + 1 where n < 100; delete from t where n % 3 = 0");
	run(db, "begin; delete from t; rollback; select count(*) from t; pragma integrity_check");
	run(db, journal);
	run(db,
	    "vacuum; select group_concat(s, ',') from (select s from t order by n desc limit 5)");
	run(db, "select round(avg(n), 3) from t");
}

int main(void)
{
	sqlite3 *db, *other;
	static const char *const journals[] = {"pragma journal_mode=truncate",
					       "pragma journal_mode=delete"};
	for (int i = 0; i < 2; i++) {
		if (sqlite3_open("t.db", &db))
			return 1;
		if (i == 0)
			fill(db);
		ask(db, journals[i]);
		/*
		 * A second connection of the same process is locked out by SQLite, not let in by
		 * absent locks.
		 */
		if (sqlite3_open("t.db", &other))
			return 2;
		run(db, "begin exclusive");
		run(other, "select count(*) from t");
		run(db, "commit");
		run(other, "select count(*) from t");
		sqlite3_close(other);
		sqlite3_close(db);
	}
	return 0;
}
